/** Lock files, which name their holder and are taken over from dead processes. A run's owner holds one. */
import { createHash, randomBytes } from 'node:crypto';
import { link, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { UserError } from '../text/errors.ts';
import { msg, type Text, textsSchema, withTexts } from '../text/message.ts';
import { lockPath } from './files.ts';
import { isFresh, isHere, isSameProcess, processStart, pidNamespace } from './processes.ts';
import { readText } from '../platform/files/regular-file.ts';
import { temporaryPath } from '../platform/files/write-file.ts';

const processSchema = z.object({
  pid: z.int(),
  started: z.string().optional(),
  /** The machine or container with that process; only for comparing. */
  machine: z.string().optional(),
  /** What the lock is held for, to show to the user. */
  what: z.string().optional(),
  texts: textsSchema,
});
const ownerSchema = processSchema.extend({
  token: z.string(),
  /** A process that works for the owner and inherits the lock if the owner dies. */
  heir: processSchema.optional(),
});
export type Owner = z.infer<typeof ownerSchema>;

export interface Lock {
  /** Identifies this holder, and no later one. */
  token: string;
  release(): Promise<void>;
}

const ATTEMPTS = 40;
/** How often a holder renews its lock, in ms, for those who can't look up its process. */
const RENEW_MS = 2000;

/** Takes a run's lock. `what`: what it is held for. Errors: run-locked if a live process (or this one) holds it. */
export const lockRun = (dir: string, what?: Text): Promise<Lock> =>
  takeLock(lockPath(dir), (holder) => lockedBy(dir, holder?.pid), what);

/** The live process that holds the run, if any. */
export const runOwner = (dir: string): Promise<Owner | undefined> => lockOwner(lockPath(dir));

/**
 * Takes the lock file `path`. If a live process (or this one) holds it, throws the error that `locked` returns for the
 * holder, if known.
 */
export async function takeLock(
  path: string,
  locked: (holder: Owner | undefined) => Error,
  what?: Text,
): Promise<Lock> {
  const owner = ownerOf(process.pid, what);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (await createAtomically(path, JSON.stringify(owner))) {
      await removeClaims(path);
      const stopRenewing = keepFresh(path);
      return {
        token: owner.token,
        release() {
          stopRenewing();
          return release(path, owner);
        },
      };
    }
    const holder = await readOwner(path);
    const live = holder && (await liveHolder(path, holder));
    if (live) throw locked(live);
    await removeStale(path, holder, owner);
    await sleep(25);
  }
  throw locked(undefined);
}

/** For the holder of the lock `path`: renews its time until the returned function is called. */
export function keepFresh(path: string): () => void {
  const renew = () => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  };
  const timer = setInterval(renew, RENEW_MS).unref();
  return () => clearInterval(timer);
}

/** The live process (owner or heir) that holds the lock `path`, if any. */
export async function lockOwner(path: string): Promise<Owner | undefined> {
  const holder = await readOwner(path);
  return holder && liveHolder(path, holder);
}

/** The content of a lock held by process `pid`. */
export function ownerOf(pid: number, what?: Text): Owner {
  return {
    pid,
    started: processStart(pid),
    machine: pidNamespace(),
    token: randomBytes(8).toString('hex'),
    ...withTexts({ what }),
  };
}

/** The content of a lock, even if its holder is dead. */
export async function readOwner(path: string): Promise<Owner | undefined> {
  return parseOwner(await readText(path).catch(() => ''));
}

function parseOwner(text: string): Owner | undefined {
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function liveHolder(path: string, { token, heir, ...owner }: Owner): Promise<Owner | undefined> {
  for (const candidate of [owner, heir])
    if (candidate && (await isHolding(path, candidate)))
      return { ...candidate, token, ...(heir && { heir }) };
  return undefined;
}

async function isHolding(
  path: string,
  { pid, started, machine }: z.infer<typeof processSchema>,
): Promise<boolean> {
  if (!isHere(machine)) return isFresh(await writtenAt(path));
  if (!isSameProcess(pid, started)) return false;
  // Without a start time, a pid written before the last boot is another process's by now.
  return started !== undefined || (await writtenAt(path)) > Date.now() - 1000 * uptime();
}

/** In ms; 0 if the file is gone. */
const writtenAt = (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );

/** Creates a file atomically; returns false if it already exists. */
async function createAtomically(path: string, text: string): Promise<boolean> {
  const temporary = temporaryPath(path);
  try {
    await writeFile(temporary, text);
    await link(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // The errors of file systems without hard links (exFAT, some network drives).
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL'].includes(code ?? '')) throw error;
    return await createExclusive(path, text);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function createExclusive(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes the lock of a dead owner, or an unreadable one. Only one of several waiters may do so, or a second could
 * remove the first's new lock: the waiter that has created the file named after the dead owner. If that one dies too,
 * its successor is determined in the same way. Among processes that see each other's pids, this needs no timeouts, so
 * a waiter that is suspended here for long is safe.
 */
async function removeStale(path: string, seen: Owner | undefined, taker: Owner): Promise<void> {
  const claims: string[] = [];
  for (let dead = seen; ;) {
    const claim = `${path}.${markOf(dead)}.takeover`;
    claims.push(claim);
    if (await createAtomically(claim, JSON.stringify(taker))) break;
    dead = await readOwner(claim);
    if (!dead || (await liveHolder(claim, dead))) return;
  }
  try {
    const now = await readText(path).catch((error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? undefined : '',
    );
    if (now !== undefined && parseOwner(now)?.token === seen?.token)
      await rm(path, { force: true, recursive: true });
  } finally {
    for (const claim of claims) await rm(claim, { force: true });
  }
}

const markOf = (owner: Owner | undefined): string =>
  createHash('sha256')
    .update(owner?.token ?? '')
    .digest('hex')
    .slice(0, 16);

/** For the holder: removes files of processes that were killed while taking over the lock. */
async function removeClaims(path: string): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(`${basename(path)}.`) || !name.endsWith('.takeover')) continue;
    const file = join(folder, name);
    const owner = await readOwner(file);
    if (owner && !(await liveHolder(file, owner))) await rm(file, { force: true });
  }
}

async function release(path: string, owner: Owner): Promise<void> {
  const text = await readText(path).catch(() => '');
  if (text.includes(owner.token)) await rm(path, { force: true });
}

function lockedBy(dir: string, pid: number | undefined): UserError {
  return new UserError(
    'run-locked',
    msg`Run ${basename(dir)} is in use by another process${pid === undefined ? '' : ` (pid ${pid})`}.`,
    msg`Wait until it ends, or stop it with {cancel ${basename(dir)}}.`,
  );
}
