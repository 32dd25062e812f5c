/** Lock files, which name the process that holds them. A dead process's lock is taken over. A run's owner holds one. */
import { randomBytes } from 'node:crypto';
import { link, rm, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { UserError } from '../protocol/errors.ts';
import { lockPath } from './files.ts';
import { isSameProcess, processStart } from './processes.ts';
import { readText } from '../protocol/regular-file.ts';

const processSchema = z.object({
  pid: z.int(),
  started: z.string().optional(),
  /** What the lock is held for, for people. */
  what: z.string().optional(),
});
const ownerSchema = processSchema.extend({
  token: z.string(),
  /** A process that works for the owner and inherits the lock if the owner dies first. */
  heir: processSchema.optional(),
});
export type Owner = z.infer<typeof ownerSchema>;

export interface Lock {
  /** Identifies this holder, and no later one. */
  token: string;
  release(): Promise<void>;
}
export type RunLock = Lock;

/** A takeover takes only a few file operations; an older one was interrupted. */
const TAKEOVER_MS = 10_000;
const ATTEMPTS = 40;

/** Takes a run's lock. `what`: what it is held for. Errors: run-locked if a living process, or this one, holds it. */
export const lockRun = (dir: string, what?: string): Promise<RunLock> =>
  takeLock(lockPath(dir), (holder) => lockedBy(dir, holder?.pid), what);

/** The living process that holds the run, if there is one. */
export const runOwner = (dir: string): Promise<Owner | undefined> => lockOwner(lockPath(dir));

/**
 * Takes the lock file `path`. If a living process, or this one, holds it, throws the error that `locked` returns;
 * `locked` gets the holder, if known.
 */
export async function takeLock(
  path: string,
  locked: (holder: Owner | undefined) => Error,
  what?: string,
): Promise<Lock> {
  const owner = ownerOf(process.pid, what);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (await createWhole(path, JSON.stringify(owner)))
      return { token: owner.token, release: () => release(path, owner) };
    const holder = await readOwner(path);
    const living = holder && livingOf(holder);
    if (living) throw locked(living);
    // Only one of several waiters may remove the dead owner's lock, or a second could remove the first's new one.
    await removeStale(path, holder);
    await sleep(25);
  }
  throw locked(undefined);
}

/** The living process (owner or heir) that holds the lock `path`, if there is one. */
export async function lockOwner(path: string): Promise<Owner | undefined> {
  const holder = await readOwner(path);
  return holder && livingOf(holder);
}

/** The content of a lock that the process `pid` holds. */
export function ownerOf(pid: number, what?: string): Owner {
  return {
    pid,
    started: processStart(pid),
    token: randomBytes(8).toString('hex'),
    ...(what === undefined ? {} : { what }),
  };
}

/** The content of a lock, whether or not its holder is alive. */
export async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return ownerSchema.parse(JSON.parse(await readText(path)));
  } catch {
    return undefined;
  }
}

function livingOf({ token, heir, ...owner }: Owner): Owner | undefined {
  for (const one of [owner, heir])
    if (one && isSameProcess(one.pid, one.started)) return { ...one, token, ...(heir && { heir }) };
  return undefined;
}

/** Creates a file that is complete from its first moment; returns false if it already exists. */
async function createWhole(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, text);
    await link(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // Errors of file systems without hard links (exFAT, some network drives).
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

async function removeStale(path: string, seen: Owner | undefined): Promise<void> {
  const guard = `${path}.takeover`;
  if (!(await createExclusive(guard, String(process.pid)))) {
    const age = await stat(guard).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > TAKEOVER_MS) await rm(guard, { force: true });
    return;
  }
  try {
    const now = await readOwner(path);
    if (now?.token === seen?.token) await rm(path, { force: true, recursive: true });
  } finally {
    await rm(guard, { force: true });
  }
}

async function release(path: string, owner: Owner): Promise<void> {
  const text = await readText(path).catch(() => '');
  if (text.includes(owner.token)) await rm(path, { force: true });
}

function lockedBy(dir: string, pid: number | undefined): UserError {
  return new UserError(
    'run-locked',
    `Run ${basename(dir)} is in use by another process${pid === undefined ? '' : ` (pid ${pid})`}.`,
    `Wait until it ends, or stop it with {cancel ${basename(dir)}}.`,
  );
}
