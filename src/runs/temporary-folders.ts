/**
 * Temporary folders. Creating one removes those next to it that were left by killed processes, but never one still in
 * use, even by another machine that shares the disk.
 */
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMarkedProcessAlive, processMark, machineId } from './processes.ts';
import { removeFolder } from '../platform/files/write-file.ts';

/** `.KIND-MACHINE-PID-START-xxxxxx`; START distinguishes the process from later ones with the same pid. */
const folderName = /^\.([a-z]+)-([0-9a-f]{12})-(\d+-\w*)-[0-9a-f]{6}$/;
/** A folder in use does not stay unchanged for longer than this. */
const OLD_MS = 24 * 60 * 60 * 1000;

/**
 * Creates a temporary folder in `parent` (which is created if needed), and removes leftover ones of this kind. `mode`:
 * its permissions.
 */
export async function makeTemporaryFolder(parent: string, kind: string, mode = 0o700): Promise<string> {
  await mkdir(parent, { recursive: true });
  const owner = [machineId(), processMark(), randomBytes(3).toString('hex')];
  const folder = join(parent, `.${kind}-${owner.join('-')}`);
  await mkdir(folder, { mode });
  // Uses the clock of the machine with the disk.
  await removeAbandonedFolders(parent, kind, (await stat(folder)).mtimeMs);
  return folder;
}

/** Calls `work` with such a folder, and removes it afterwards, or at the next start if that fails. */
export async function inTemporaryFolder<T>(
  parent: string,
  kind: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await makeTemporaryFolder(parent, kind);
  try {
    return await work(folder);
  } finally {
    await removeFolder(folder).catch(() => undefined);
  }
}

/** Removes folders in `parent` that were left by dead processes. `now`: in ms, by the disk's clock. */
export async function removeAbandonedFolders(parent: string, kind: string, now: number): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const path = join(parent, name);
    if (!(await isAbandoned(path, name, kind, now))) continue;
    // A folder that can't be removed is harmless.
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isAbandoned(path: string, name: string, kind: string, now: number): Promise<boolean> {
  const [, ofKind, where, maker] = folderName.exec(name) ?? [];
  if (maker === undefined || ofKind !== kind || !(await isOurs(path))) return false;
  if (where === machineId()) return !isMarkedProcessAlive(maker);
  return isOld(path, now);
}

/** Other users may create such names in a world-writable folder. */
async function isOurs(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isDirectory() === true && (!process.getuid || stats.uid === process.getuid());
}

/**
 * Checks files as well, because a growing file does not update its folder's time, and a copied one may keep its own.
 */
async function isOld(folder: string, now: number): Promise<boolean> {
  try {
    const inside = await readdir(folder, { recursive: true });
    const stats = await Promise.all(['', ...inside].map((path) => lstat(join(folder, path))));
    return stats.every(({ mtimeMs, ctimeMs }) => Math.abs(now - Math.max(mtimeMs, ctimeMs)) > OLD_MS);
  } catch {
    return false;
  }
}
