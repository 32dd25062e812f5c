/**
 * Lists, downloads and checks files of a repository on the Hugging Face hub, or on the mirror in HF_ENDPOINT.
 * Authenticates with HF_TOKEN, if set.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HubApiError, ListFileEntry } from '@huggingface/hub';
import { sha256Of } from '../platform/files/checksum.ts';
import { diskFull } from '../platform/files/disk.ts';
import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import type { ResolveOptions } from './resolve-options.ts';
import { causeOf, networkFetch } from '../platform/network/http.ts';
import { download, fetchChecked, partialPath, Refused, sizeOf } from '../platform/network/download.ts';
import { withLock } from '../platform/files/lock.ts';
import { renamePatiently } from '../platform/files/write-file.ts';

export interface HubRepository {
  type: 'model' | 'dataset';
  /** owner/name. */
  name: string;
}

export type HubFile = Pick<ListFileEntry, 'path' | 'size' | 'oid' | 'lfs'>;

export const hubEndpoint = () => (process.env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, '');
/** Read only from the environment. */
export const hubToken = () => process.env['HF_TOKEN'] || undefined;
const HUB_ANSWERS_MS = 3000;

/** Whether the hub, or its mirror, answers at all. */
export async function isHubReachable(): Promise<boolean> {
  try {
    await networkFetch(hubEndpoint(), {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(HUB_ANSWERS_MS),
    });
    return true;
  } catch {
    return false;
  }
}

/**
 * Splits a path into its components. Throws UserError `hub-not-found` for a path that could lead out of our folders.
 */
export function safeParts(file: string): string[] {
  const parts = file.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..' || /[\\:\0]/.test(part)))
    throw new UserError(
      'hub-not-found',
      msg`"${file}" can't be the name of a file in a repository.`,
      msg`Check the part after the colon.`,
    );
  return parts;
}

/**
 * The repository's files that pass `filter`, in the hub's order. Throws UserError `hub-not-found`, `network` or
 * `cancelled`.
 */
export async function listHubFiles(
  repository: HubRepository,
  filter: (path: string) => boolean,
  signal?: AbortSignal,
): Promise<HubFile[]> {
  const accessToken = hubToken();
  const files: HubFile[] = [];
  try {
    const { listFiles } = await import('@huggingface/hub');
    const listing = listFiles({
      repo: repository,
      recursive: true,
      hubUrl: hubEndpoint(),
      fetch: (input, init) => networkFetch(input as string | URL, { ...init, signal: signal ?? null }),
      ...(accessToken ? { accessToken } : {}),
    });
    for await (const entry of listing) if (entry.type === 'file' && filter(entry.path)) files.push(entry);
  } catch (error) {
    if (signal?.aborted)
      throw new UserError('cancelled', msg`The download was cancelled.`, msg`Start it again.`);
    throw hubError(error, repository.name);
  }
  return files;
}

/**
 * Downloads a file to `target` unless it exists. An interrupted download is resumed. The file is checked against
 * `sha256`, or else the hub's own checksum, before it is renamed to its final name. Throws UserError `hub-not-found`,
 * `network`, `disk-full`, `cancelled` or what `damaged` returns.
 */
export async function fetchHubFile(
  repository: HubRepository,
  file: HubFile,
  target: string,
  options: ResolveOptions & { sha256?: string | undefined; damaged: (file: HubFile) => UserError },
): Promise<void> {
  const { onProgress, signal } = options;
  await withLock(target, (held) => fetchLocked(repository, file, target, { ...options, signal: held }), {
    signal,
    onProgress,
    waitsFor: `${file.path}: another process is downloading it`,
  });
}

async function fetchLocked(
  repository: HubRepository,
  file: HubFile,
  target: string,
  options: Parameters<typeof fetchHubFile>[3],
): Promise<void> {
  if ((await sizeOf(target)) > 0) return;
  await mkdir(dirname(target), { recursive: true });
  const { onProgress, sha256, damaged } = options;
  const expected = sha256 ?? file.lfs?.oid;
  const part = partialPath(target, expected ?? file.oid ?? '');
  await fetchChecked(part, {
    fill: () => downloadTo(part, repository, file, options),
    isIntact: async () => {
      const total = await sizeOf(part);
      const onBytes = (done: number) => onProgress?.({ phase: 'checking', what: file.path, done, total });
      return total === file.size && (!expected || (await sha256Of(part, onBytes)) === expected);
    },
    damaged: () => damaged(file),
  });
  await renamePatiently(part, target);
}

async function downloadTo(
  part: string,
  repository: HubRepository,
  file: HubFile,
  { onProgress, signal }: ResolveOptions,
): Promise<void> {
  const accessToken = hubToken();
  try {
    await download(fileUrl(repository, file.path), part, {
      signal,
      ...(accessToken ? { headers: { authorization: `Bearer ${accessToken}` } } : {}),
      onBytes: (done, total) =>
        onProgress?.({ phase: 'downloading', what: file.path, done, total: total || file.size }),
    });
  } catch (error) {
    throw error instanceof Refused
      ? hubError(error, `${repository.name}:${file.path}`)
      : diskFull(error, part);
  }
}

function fileUrl({ type, name }: HubRepository, path: string): string {
  const prefix = type === 'dataset' ? `datasets/${name}` : name;
  return `${hubEndpoint()}/${prefix}/resolve/main/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** Not by its class, because that would load the package. */
const isHubApiError = (error: unknown): error is HubApiError =>
  error instanceof Error && 'statusCode' in error;

/** Turns an error of the hub into a UserError. */
export function hubError(error: unknown, what: string): UserError {
  const status = isHubApiError(error)
    ? error.statusCode
    : Number(/\bHTTP (\d+)$/.exec((error as Error).message)?.[1]);
  if (status === 404)
    return notOnHub(what, msg`does not exist on the hub`, msg`Check the name: owner/name[:file].`);
  if (status === 401 || status === 403)
    return notOnHub(
      what,
      msg`does not exist on the hub or needs a sign-in`,
      msg`Check the name, or set HF_TOKEN to a token that may read it.`,
    );
  const why = isHubApiError(error) ? `HTTP ${status}` : causeOf(error);
  return new UserError(
    'network',
    msg`The hub could not be reached (${why}).`,
    msg`Check the connection or HF_ENDPOINT, then run the same command again.`,
    {
      cause: error,
    },
  );
}

export const notOnHub = (what: string, why: Text, next: Text) =>
  new UserError('hub-not-found', msg`${what} ${why}.`, next);
