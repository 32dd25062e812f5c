/** One file over HTTP into `path`, going on where an earlier attempt, or an earlier process, stopped. */
import { createHash } from 'node:crypto';
import { open, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../protocol/errors.ts';
import { openRegular } from '../../protocol/regular-file.ts';
import { cancelled } from './python.ts';

/** The server does not want us (a proxy, a sign-in, a certificate of pip's): not worth another attempt. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

const STALL_MS = 60_000;
const RETRIES = 5;
const REFUSED_CODES =
  /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|CONNECT_TIMEOUT/;

export interface DownloadOptions {
  /** Bytes had, and bytes in all. */
  onBytes?: (done: number, total: number) => void;
  signal?: AbortSignal | undefined;
  /** Sent along; not to another host that the server may redirect to. */
  headers?: Record<string, string>;
  /** First pause before another attempt, doubled each time; ms. */
  pause?: number;
}

/**
 * Downloads `url` to `path`, in order, appending to what is there. The file is whole when this returns.
 * Throws Refused when another way should be tried, UserError `network`, `disk-full` or `cancelled` else;
 * what was had stays on disk for the next attempt.
 */
export async function download(url: string, path: string, options: DownloadOptions = {}): Promise<void> {
  const { signal, pause = 500 } = options;
  let failures = 0;
  for (;;) {
    const before = await sizeOf(path);
    try {
      if (signal?.aborted) throw cancelled();
      await attempt(url, path, before, options);
      return;
    } catch (error) {
      if (signal?.aborted) throw cancelled();
      if (
        error instanceof UserError ||
        error instanceof Refused ||
        (error as NodeJS.ErrnoException).code === 'ENOSPC'
      )
        throw diskFull(error, path);
      const why = causeOf(error);
      if (REFUSED_CODES.test(why) && before === 0) throw new Refused(why, { cause: error });
      // An attempt that brought something was not in vain: only those in a row that brought nothing count.
      failures = (await sizeOf(path)) > before ? 1 : failures + 1;
      if (failures > RETRIES)
        throw new UserError(
          'network',
          `The connection broke and could not be restored (${why}).`,
          'Run the same command again: it goes on where it stopped.',
          { cause: error },
        );
      await sleep(pause * 2 ** (failures - 1), undefined, { signal }).catch(() => undefined);
    }
  }
}

async function attempt(
  url: string,
  path: string,
  from: number,
  { onBytes, signal, headers }: DownloadOptions,
): Promise<void> {
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(new Error('nothing came for a minute')), STALL_MS);
  let file: FileHandle | undefined;
  try {
    const response = await fetch(withoutCredentials(url), {
      // Identity: a length and a range of the file itself, not of a compressed form.
      headers: {
        ...headers,
        'accept-encoding': 'identity',
        ...(from > 0 ? { range: `bytes=${from}-` } : {}),
      },
      signal: signal ? AbortSignal.any([signal, stall.signal]) : stall.signal,
    });
    const plan = planResponse(response, from);
    if (plan === 'start-over') {
      await response.body?.cancel();
      await rm(path, { force: true });
      throw new Error('the server cannot go on from there');
    }
    if (response.status === 416) {
      // It is whole already; the body is only the server's words about that.
      await response.body?.cancel();
      onBytes?.(plan.total, plan.total);
      return;
    }
    await requireSpace(path, plan.total - plan.start);
    file = await open(path, plan.start > 0 ? 'a' : 'w');
    let done = plan.start;
    onBytes?.(done, plan.total);
    for await (const chunk of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
      timer.refresh();
      await file.writeFile(chunk);
      done += chunk.length;
      onBytes?.(done, plan.total);
    }
    if (plan.total && done < plan.total) throw new Error(`ended at byte ${done} of ${plan.total}`);
  } finally {
    clearTimeout(timer);
    await file?.close();
  }
}

/** pip may name them, masked or not; where they are wanted, the server refuses us and pip downloads. */
function withoutCredentials(url: string): URL {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  return plain;
}

/** From which byte the body goes on and how long the file is (0: not told). */
function planResponse(response: Response, from: number): { start: number; total: number } | 'start-over' {
  const { status, headers } = response;
  if (status === 206) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)/.exec(headers.get('content-range') ?? '') ?? [];
    return start !== undefined && Number(start) === from
      ? { start: from, total: Number(total) || 0 }
      : 'start-over';
  }
  if (status === 200) return { start: 0, total: Number(headers.get('content-length')) || 0 };
  if (status === 416 && from > 0) {
    const total = Number(/\/(\d+)/.exec(headers.get('content-range') ?? '')?.[1]);
    return total === from ? { start: from, total } : 'start-over';
  }
  if (status >= 500 || status === 408 || status === 429) throw new Error(`HTTP ${status}`);
  throw new Refused(`HTTP ${status}`);
}

/** Where a file grows until it is whole. Named by content, so that any source of the same bytes goes on with it. */
export const growingPath = (target: string, sha256: string): string =>
  `${target}.${sha256.slice(0, 12)}.part`;

/** Bytes of a file; 0 when there is none. */
export async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

export const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;

/** Fails with `disk-full` before anything is written when `bytes` more won't fit where `path` lies. */
export async function requireSpace(path: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  const free = bavail * bsize;
  if (free < bytes)
    throw new UserError(
      'disk-full',
      `${megabytes(bytes)} are needed in ${dirname(path)}, and ${megabytes(free)} are free.`,
      'Free some space, or set FORGET_ME_NOT_HOME to a folder on a larger disk, and run the same command again.',
    );
}

/** ENOSPC as a sentence; anything else as it is. */
export function diskFull(error: unknown, path: string): unknown {
  if ((error as NodeJS.ErrnoException)?.code !== 'ENOSPC') return error;
  return new UserError(
    'disk-full',
    `The disk is full: ${path} could not be written.`,
    'Free some space and run the same command again: it goes on where it stopped.',
    {
      cause: error,
    },
  );
}

function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return (
    (cause as NodeJS.ErrnoException | undefined)?.code ?? (cause instanceof Error ? cause.message : message)
  );
}

/** Lower-case hexadecimal sha256 of a file. */
export async function sha256Of(path: string, onBytes?: (done: number) => void): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  const file = await openRegular(path);
  for await (const chunk of file.createReadStream({ highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    onBytes?.((done += (chunk as Buffer).length));
  }
  return hash.digest('hex');
}
