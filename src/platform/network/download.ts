/** Downloads a file over HTTP, continuing where an earlier attempt or process stopped. */
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { downloadCancelled, msg, UserError } from '../../text/errors.ts';
import { requireSpace, diskFull } from '../files/disk.ts';
import { causeOf, networkFetch, PROXY_SIGN_IN, stallSignal, type NetworkSettings } from './http.ts';

/** The server refused the request (sign-in, certificate): retrying would not help. */
export class Refused extends Error {
  override readonly name = 'Refused';
  /** It was refused for lack of a sign-in. */
  signIn = false;
}

/** The status codes with which a server or a proxy asks for a sign-in. */
export const isSignIn = (status: number): boolean => status === 401 || status === 407;

export const signInRequired = (what: string): Refused => Object.assign(new Refused(what), { signIn: true });

const STALL_MS = 60_000;
const RETRIES = 5;
const REFUSED_CODES =
  /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|CONNECT_TIMEOUT|UND_ERR_ABORTED/;

interface DownloadOptions {
  /** Called with the bytes so far and in total (0: unknown). */
  onBytes?: (done: number, total: number) => void;
  signal?: AbortSignal | undefined;
  /** Request headers. `authorization` is not sent on redirects to another host. */
  headers?: Record<string, string>;
  /** By default, redirects are followed. `manual` refuses them, for headers that no other host may see. */
  redirect?: 'follow' | 'manual';
  /** Use the proxy from pip's configuration, if any. */
  pipProxy?: boolean;
  /** Use another program's proxy and certificates. */
  network?: NetworkSettings | undefined;
  /** Milliseconds before the second attempt, doubled each time. */
  pause?: number;
}

/**
 * Downloads `url` to `path`, continuing a partial file. When this returns, the file is complete. Throws Refused if
 * another source should be tried, otherwise UserError `network`, `disk-full` or `cancelled`, or the error of a file that
 * can't be written. A partial download stays on disk for the next attempt.
 */
export async function download(url: string, path: string, options: DownloadOptions = {}): Promise<void> {
  const { signal, pause = 500 } = options;
  let failures = 0;
  for (;;) {
    const before = await sizeOf(path);
    try {
      if (signal?.aborted) throw downloadCancelled();
      await attempt(url, path, before, options);
      return;
    } catch (error) {
      if (signal?.aborted) throw downloadCancelled();
      // An error of the file itself: those of the network are causes of what `fetch` throws.
      const ofFile = (error as NodeJS.ErrnoException).syscall !== undefined;
      if (error instanceof UserError || error instanceof Refused || ofFile) throw diskFull(error, path);
      const why = causeOf(error);
      if (why === PROXY_SIGN_IN) throw signInRequired(why);
      if (REFUSED_CODES.test(why) && before === 0) throw new Refused(why, { cause: error });
      // Count only consecutive failures without any new bytes.
      failures = (await sizeOf(path)) > before ? 1 : failures + 1;
      if (failures > RETRIES)
        throw new UserError(
          'network',
          msg`The connection broke and could not be restored (${why}).`,
          msg`Run the same command again: it continues where it stopped.`,
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
  { onBytes, signal, headers, redirect = 'follow', pipProxy = false, network }: DownloadOptions,
): Promise<void> {
  const stall = stallSignal(STALL_MS, 'no data for a minute', signal);
  let file: FileHandle | undefined;
  try {
    const response = await networkFetch(withoutCredentials(url), {
      // "identity", so that length and range refer to the uncompressed file.
      headers: {
        ...headers,
        'accept-encoding': 'identity',
        ...(from > 0 ? { range: `bytes=${from}-` } : {}),
      },
      signal: stall.signal,
      redirect,
      pipProxy,
      network,
    });
    const plan = planResponse(response, from);
    if (plan === 'start-over') {
      await response.body?.cancel();
      await rm(path, { force: true });
      throw new Error('the server cannot continue from there');
    }
    if (response.status === 416) {
      // The file is already complete; the body is just an error text.
      await response.body?.cancel();
      onBytes?.(plan.total, plan.total);
      return;
    }
    await requireSpace(path, plan.total - plan.start);
    file = await open(path, plan.start > 0 ? 'r+' : 'w');
    let done = plan.start;
    onBytes?.(done, plan.total);
    for await (const chunk of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
      stall.refresh();
      await writeAt(file, chunk, done);
      done += chunk.length;
      onBytes?.(done, plan.total);
    }
    if (plan.total && done < plan.total) throw new Error(`ended at byte ${done} of ${plan.total}`);
  } finally {
    stall.end();
    await file?.close();
  }
}

/**
 * Writes at a place, not at the end: a process that stood still and has lost its lock (lock.ts) may still write the
 * same bytes when it goes on.
 */
async function writeAt(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < chunk.length)
    written += (await file.write(chunk, written, chunk.length - written, position + written)).bytesWritten;
}

/** Removes credentials from a URL: they are sent as headers. */
function withoutCredentials(url: string): URL {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  return plain;
}

/** The byte at which the body starts, and the file's total length (0: unknown). */
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
  throw isSignIn(status)
    ? signInRequired(`it requires a sign-in, HTTP ${status}`)
    : new Refused(`HTTP ${status}`);
}

/**
 * Fills `part` and checks it. If it was wrong and an earlier process had begun it, it may have been of another file: it
 * is filled once more from its beginning. Throws what `fill` throws and what `damaged` returns.
 */
export async function fetchChecked(
  part: string,
  {
    fill,
    isIntact,
    damaged,
  }: { fill: () => Promise<void>; isIntact: () => Promise<boolean>; damaged: () => UserError },
): Promise<void> {
  for (;;) {
    const resumed = (await sizeOf(part)) > 0;
    await fill();
    if (await isIntact()) return;
    await rm(part, { force: true });
    if (!resumed) throw damaged();
  }
}

/** Path of a partial download. It includes the checksum, so that any source of the same bytes can continue it. */
export const partialPath = (target: string, sha256: string): string =>
  `${target}.${sha256.slice(0, 12)}.part`;

/** Size of a file in bytes; 0 if it does not exist. */
export async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
