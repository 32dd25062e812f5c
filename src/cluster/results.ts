/** Fetches the results of a task on a cluster: verifies each file and moves it into place atomically. */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, open, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, posix } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { sha256Of } from '../platform/files/checksum.ts';
import { removeFolder, renamePatiently } from '../platform/files/write-file.ts';
import { extract } from '../platform/files/zip.ts';
import type { ClusterFile, ResultLine } from '../protocol/cluster.ts';
import { errorOf, msg, reportError, UserError } from '../text/errors.ts';
import { POLL_MS, isTransient, backOff } from './back-off.ts';
import type { RayClient } from './ray/client.ts';

/** Files that only the local owner of a run may write. */
const ownerFiles = new Set([
  'run.json',
  'state.json',
  'events.jsonl',
  'sweep.json',
  'trials.jsonl',
  'cluster.json',
  'lock',
  'stop',
  'corpus',
  'trainer.log',
  'sweeper.log',
]);

/** Attempts while a cluster responds, but not with the result: its dashboard may just have restarted. */
const MAX_ATTEMPTS = 4;

export interface FetchOptions {
  signal?: AbortSignal | undefined;
  /** Once it fires, failures are final. */
  stopWaiting?: AbortSignal | undefined;
  /** Called when the cluster becomes unreachable, with the reason, or reachable again, with undefined. */
  onConnectionChange?: ((error: UserError | undefined) => void) | undefined;
  /** Polling interval; for tests. */
  pollMs?: number | undefined;
}

/**
 * Puts a task's files into `dir`. They replace existing files once all of them are fetched and verified; other files
 * stay. Waits for an unreachable cluster until `signal` fires. Errors: cluster-failed if they can't be fetched or
 * differ, disk-full, those of RayClient, and the abort reason of `signal`.
 */
export async function fetchResult(
  client: RayClient,
  result: ResultLine,
  dir: string,
  { signal, stopWaiting, onConnectionChange, pollMs = POLL_MS }: FetchOptions = {},
): Promise<void> {
  const stopped = AbortSignal.any([signal, stopWaiting].filter((source) => source !== undefined));
  let attempts = 0;
  for (let failures = 1; ; failures += 1) {
    try {
      return await fetchOnce(
        client,
        result,
        dir,
        () => failures > 1 && onConnectionChange?.(undefined),
        signal,
      );
    } catch (error) {
      signal?.throwIfAborted();
      if (!isTransient(error)) throw toFetchError(error, dir);
      attempts += error.code === 'cluster-down' ? 0 : 1;
      if (attempts === MAX_ATTEMPTS || stopWaiting?.aborted) throw error;
      onConnectionChange?.(error);
    }
    await backOff(failures, pollMs, stopped);
    signal?.throwIfAborted();
  }
}

/**
 * Deletes a result from a shared storage after it was fetched and cluster.json records that, so that nobody needs it
 * again. Deletes only the file that the driver writes for this task, whatever the cluster says; failures are ignored.
 */
export async function deleteStoredResult(
  { storage, reproduction }: ClusterFile,
  { id, fetch }: ResultLine,
  dir: string,
): Promise<void> {
  if (fetch.kind !== 'storage' || !storage || !isAbsolute(storage) || !isSafeName(id) || id.includes('/'))
    return;
  const folder = join(storage, reproduction ?? basename(dir), id);
  const path = join(folder, 'result.zip');
  if (fetch.path !== path) return;
  await rm(path, { force: true }).catch(() => undefined);
  // Only if it is empty.
  await rmdir(folder).catch(() => undefined);
}

async function fetchOnce(
  client: RayClient,
  result: ResultLine,
  dir: string,
  onResponse: () => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Hidden, and on the same file system.
  const staged = join(dir, `.results-${randomBytes(4).toString('hex')}`);
  await mkdir(staged, { recursive: true });
  try {
    const archive = join(staged, 'result.zip');
    const files = join(staged, 'files');
    await fetchArchive(client, result, archive, onResponse, signal);
    await unpack(archive, result, files, signal);
    await moveIntoPlace(files, dir, result);
  } finally {
    await removeFolder(staged);
  }
}

async function fetchArchive(
  client: RayClient,
  { fetch }: ResultLine,
  to: string,
  onResponse: () => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (fetch.kind === 'log') {
    const take = (body: Readable) => {
      onResponse();
      return pipeline(body, decodeBase64(), (bytes: AsyncIterable<Buffer>) => writePieces(bytes, to));
    };
    return client.logFile(fetch.nodeId, fetch.file, take, signal);
  }
  try {
    await copyFile(fetch.path, to);
  } catch (error) {
    if (isFull(error)) throw error;
    throw fetchError(`${fetch.path} on the storage can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Reports failures of the local disk as such, so that they are not taken for network failures. */
async function writePieces(pieces: AsyncIterable<Buffer>, to: string): Promise<void> {
  const file = await open(to, 'w').catch(throwDiskError(to));
  try {
    for await (const piece of pieces) await file.writeFile(piece).catch(throwDiskError(to));
  } finally {
    await file.close().catch(throwDiskError(to));
  }
}

const throwDiskError = (path: string) => (error: unknown) => {
  throw toFetchError(error, dirname(path));
};

const isFull = (error: unknown) => reportError(error).code === 'disk-full';

/** Turns system errors into UserErrors; leaves others unchanged. */
function toFetchError(error: unknown, dir: string): unknown {
  if (isFull(error))
    return new UserError(
      'disk-full',
      msg`The result was not fetched from the cluster, because there is no more room on the disk of ${dir}.`,
      msg`Free some space there, then attach to the job again with {resume}, as long as the cluster has it.`,
      { cause: error },
    );
  if (error instanceof UserError || !(error as NodeJS.ErrnoException).syscall) return error;
  return errorOf(reportError(error), { cause: error });
}

/** Decodes lines of base64. */
function decodeBase64(): Transform {
  let partialLine = '';
  const toBytes = (lines: string[]) => Buffer.concat(lines.map((line) => Buffer.from(line, 'base64')));
  return new Transform({
    transform(chunk: Buffer, _, done) {
      const lines = (partialLine + chunk.toString('latin1')).split('\n');
      partialLine = lines.pop()!;
      done(null, toBytes(lines));
    },
    flush: (done) => done(null, toBytes([partialLine])),
  });
}

async function unpack(
  archive: string,
  { files }: ResultLine,
  to: string,
  signal?: AbortSignal,
): Promise<void> {
  const expected = new Map(files.map((file) => [file.name, file]));
  await mkdir(to, { recursive: true });
  try {
    await extract(archive, {
      choose: ({ name }) =>
        expected.has(name) && isSafeName(name) ? join(to, ...name.split('/')) : undefined,
      signal,
    });
  } catch (error) {
    const isSpecific =
      error instanceof UserError ? error.code !== 'base-checksum' : 'syscall' in (error as object);
    if (isSpecific) throw error;
    throw fetchError('what came is no whole archive');
  }
  for (const { name, bytes, sha256 } of files) {
    const path = join(to, ...name.split('/'));
    const size = isSafeName(name) ? (await stat(path).catch(() => undefined))?.size : undefined;
    if (size !== bytes || (await sha256Of(path)) !== sha256)
      throw fetchError(`${name} is not what was made there`);
  }
}

/** Rejects names that lead out of the folder or are not normalised. */
const isSafeName = (name: string): boolean =>
  posix.normalize(name) === name && !/^\/|[\\:]|^\.\.?(\/|$)/.test(name);

/**
 * The result itself comes last, so that its presence implies the rest. A worker delivers only what it wrote, so other
 * files, such as metrics of an earlier measurement, are not touched.
 */
async function moveIntoPlace(from: string, dir: string, { files }: ResultLine): Promise<void> {
  const names = files.map(({ name }) => name).filter((name) => !ownerFiles.has(name.split('/')[0]!));
  const isResult = (name: string) => name.endsWith('.gguf');
  names.sort((a, b) => Number(isResult(a)) - Number(isResult(b)) || (a < b ? -1 : 1));
  for (const name of names) {
    const to = join(dir, ...name.split('/'));
    await mkdir(dirname(to), { recursive: true });
    await renamePatiently(join(from, ...name.split('/')), to);
  }
}

const fetchError = (why: string) =>
  new UserError(
    'cluster-failed',
    msg`The result could not be fetched from the cluster: ${why}.`,
    msg`Attach to the job again with {resume}, as long as the cluster has it.`,
  );
