/** Fetches what a task on a cluster made: checked file by file, put in place by renaming. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, posix } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from '../platform/files/zip.ts';
import type { ClusterFile, ResultLine } from '../protocol/cluster.ts';
import { errorOf, msg, reportError, UserError } from '../text/errors.ts';
import { LOOK_MS, mayPass, waitAfter } from './patience.ts';
import type { RayClient } from './ray/client.ts';

/** What only the owner of a run here writes. */
const ofOwner = new Set([
  ...['run.json', 'state.json', 'events.jsonl', 'sweep.json', 'trials.jsonl', 'cluster.json'],
  ...['lock', 'stop', 'corpus', 'trainer.log', 'sweeper.log'],
]);

/** A cluster that answers, but not with the result, is asked so often: its dashboard may just have started again. */
const TRIES = 4;

export interface Fetching {
  signal?: AbortSignal | undefined;
  /** Once it fires, nothing is waited for: what fails then has failed. */
  patience?: AbortSignal | undefined;
  /** The cluster can't be reached for now, or again; `error` is the reason. */
  onTrouble?: ((error: UserError | undefined) => void) | undefined;
  /** For tests: how long to wait. */
  lookMs?: number | undefined;
}

/**
 * Puts a task's files into `dir`. Each replaces the one of its name, once all of them are here and are what the driver
 * says; other files stay. A cluster that can't be reached is waited for until `signal` fires. Errors: cluster-failed if
 * they can't be fetched or differ, disk-full, those of RayClient, and what `signal` was aborted with.
 */
export async function fetchResult(
  client: RayClient,
  result: ResultLine,
  dir: string,
  { signal, patience, onTrouble, lookMs = LOOK_MS }: Fetching = {},
): Promise<void> {
  const leave = AbortSignal.any([signal, patience].filter((one) => one !== undefined));
  let answered = 0;
  for (let failures = 1; ; failures += 1) {
    try {
      return await fetchOnce(client, result, dir, () => failures > 1 && onTrouble?.(undefined), signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!mayPass(error)) throw whatHappened(error, dir);
      answered += error.code === 'cluster-down' ? 0 : 1;
      if (answered === TRIES || patience?.aborted) throw error;
      onTrouble?.(error);
    }
    await waitAfter(failures, lookMs, leave);
    signal?.throwIfAborted();
  }
}

/**
 * Deletes a result that was fetched from a storage that is seen here, once cluster.json says that it was: nobody asks for
 * it again. Only the file that the driver writes for this task, whatever a cluster says; what can't be deleted stays.
 */
export async function forgetResult(
  { storage, reproduction }: ClusterFile,
  { id, fetch }: ResultLine,
  dir: string,
): Promise<void> {
  if (fetch.kind !== 'storage' || !storage || !isAbsolute(storage) || !isWithin(id) || id.includes('/'))
    return;
  const folder = join(storage, reproduction ?? basename(dir), id);
  const path = join(folder, 'result.zip');
  if (fetch.path !== path) return;
  await rm(path, { force: true }).catch(() => undefined);
  // If nothing else is in it.
  await rmdir(folder).catch(() => undefined);
}

async function fetchOnce(
  client: RayClient,
  result: ResultLine,
  dir: string,
  onBegun: () => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Hidden, and on the same disk.
  const staged = join(dir, `.results-${randomBytes(4).toString('hex')}`);
  await mkdir(staged, { recursive: true });
  try {
    const archive = join(staged, 'result.zip');
    const files = join(staged, 'files');
    await fetchArchive(client, result, archive, onBegun, signal);
    await unpack(archive, result, files, signal);
    await putInPlace(files, dir, result);
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

async function fetchArchive(
  client: RayClient,
  { fetch }: ResultLine,
  to: string,
  onBegun: () => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (fetch.kind === 'log') {
    const take = (body: Readable) => {
      onBegun();
      return pipeline(body, fromBase64(), (bytes: AsyncIterable<Buffer>) => write(bytes, to));
    };
    return client.logFile(fetch.nodeId, fetch.file, take, signal);
  }
  try {
    await copyFile(fetch.path, to);
  } catch (error) {
    if (isFull(error)) throw error;
    throw notFetched(`${fetch.path} on the storage can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** What goes wrong with the disk here is said as such: to whoever reads the answer, it is no failure of the network. */
async function write(pieces: AsyncIterable<Buffer>, to: string): Promise<void> {
  const file = await open(to, 'w').catch(ofDisk(to));
  try {
    for await (const piece of pieces) await file.writeFile(piece).catch(ofDisk(to));
  } finally {
    await file.close().catch(ofDisk(to));
  }
}

const ofDisk = (path: string) => (error: unknown) => {
  throw whatHappened(error, dirname(path));
};

const isFull = (error: unknown) => reportError(error).code === 'disk-full';

/** A UserError as it is; what Node says of a disk as one. */
function whatHappened(error: unknown, dir: string): unknown {
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

/** Lines of base64 to bytes. */
function fromBase64(): Transform {
  let begun = '';
  const bytesOf = (lines: string[]) => Buffer.concat(lines.map((line) => Buffer.from(line, 'base64')));
  return new Transform({
    transform(chunk: Buffer, _, done) {
      const lines = (begun + chunk.toString('latin1')).split('\n');
      begun = lines.pop()!;
      done(null, bytesOf(lines));
    },
    flush: (done) => done(null, bytesOf([begun])),
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
      choose: ({ name }) => (expected.has(name) && isWithin(name) ? join(to, ...name.split('/')) : undefined),
      signal,
    });
  } catch (error) {
    const known =
      error instanceof UserError ? error.code !== 'base-checksum' : 'syscall' in (error as object);
    if (known) throw error;
    throw notFetched('what came is no whole archive');
  }
  for (const { name, bytes, sha256 } of files) {
    const path = join(to, ...name.split('/'));
    const size = isWithin(name) ? (await stat(path).catch(() => undefined))?.size : undefined;
    if (size !== bytes || (await digestOf(path)) !== sha256)
      throw notFetched(`${name} is not what was made there`);
  }
}

/** Refuses names that lead out of the folder, and other ways to write a name. */
const isWithin = (name: string): boolean =>
  posix.normalize(name) === name && !/^\/|[\\:]|^\.\.?(\/|$)/.test(name);

async function digestOf(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path)) digest.update(chunk as Buffer);
  return digest.digest('hex');
}

/**
 * The result itself comes last: where it is, the rest is there, too. A worker brings only what it wrote, so what a folder
 * has besides, such as the figures of an earlier measurement, is not touched.
 */
async function putInPlace(from: string, dir: string, { files }: ResultLine): Promise<void> {
  const names = files.map(({ name }) => name).filter((name) => !ofOwner.has(name.split('/')[0]!));
  const isResult = (name: string) => name.endsWith('.gguf');
  names.sort((a, b) => Number(isResult(a)) - Number(isResult(b)) || (a < b ? -1 : 1));
  for (const name of names) {
    const to = join(dir, ...name.split('/'));
    await mkdir(dirname(to), { recursive: true });
    await rename(join(from, ...name.split('/')), to);
  }
}

const notFetched = (why: string) =>
  new UserError(
    'cluster-failed',
    msg`The result could not be fetched from the cluster: ${why}.`,
    msg`Attach to the job again with {resume}, as long as the cluster has it.`,
  );
