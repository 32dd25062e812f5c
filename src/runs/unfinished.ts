/**
 * Temporary folders. One whose process was killed is removed by the next that is made beside it; never one that
 * somebody still works in, also on another machine that shares the disk.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { lstat, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isMakerAlive, makerMark } from './processes.ts';

/** `.KIND-MACHINE-PID-START-xxxxxx`: START distinguishes the process from a later one with the same pid. */
const named = /^\.([a-z]+)-([0-9a-f]{12})-(\d+-\w*)-[0-9a-f]{6}$/;
/** Names of earlier versions, which have no owner or don't say on which machine it is. */
const unclear = /^\.(exporting|new|publishing)-(?:\d+-\w*-)?(?:\w{6}|[0-9a-f]{12})$/;
/** Nobody is busy with one folder for a day without changing anything in it. */
const OLD_MS = 24 * 60 * 60 * 1000;

/**
 * Processes with the same value see each other by their pids; after a restart, it is another one. A digest, because the
 * name of a machine is nobody's business.
 */
function machine(): string {
  const facts = [hostname()];
  try {
    // Containers have pids of their own.
    facts.push(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'), readlinkSync('/proc/self/ns/pid'));
  } catch {
    // Only Linux has these.
  }
  return createHash('sha256').update(facts.join('\n')).digest('hex').slice(0, 12);
}

/**
 * Creates a folder in `parent`, and `parent` if needed, after removing those of this kind that were left there. `mode`:
 * who may read it.
 */
export async function makeUnfinished(parent: string, kind: string, mode = 0o700): Promise<string> {
  await mkdir(parent, { recursive: true });
  const owner = [machine(), makerMark(), randomBytes(3).toString('hex')];
  const folder = join(parent, `.${kind}-${owner.join('-')}`);
  await mkdir(folder, { mode });
  // Where the disk is on another machine, this is that machine's clock.
  await removeUnfinished(parent, kind, (await stat(folder)).mtimeMs);
  return folder;
}

/** Gives `work` a folder like that, and removes it afterwards. */
export async function inUnfinished<T>(
  parent: string,
  kind: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await makeUnfinished(parent, kind);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes what was left in `parent` by processes that no longer run. `now`: in ms, by the clock of the disk. */
export async function removeUnfinished(parent: string, kind: string, now: number): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const path = join(parent, name);
    if (!(await isLeft(path, name, kind, now))) continue;
    // A folder that can't be removed does no harm.
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isLeft(path: string, name: string, kind: string, now: number): Promise<boolean> {
  const [, ofKind, where, maker] = named.exec(name) ?? [];
  if ((ofKind ?? unclear.exec(name)?.[1]) !== kind || !(await isOurs(path))) return false;
  if (maker !== undefined && where === machine()) return !isMakerAlive(maker);
  return isOld(path, now);
}

/** Others may make anything in a folder that everybody can write to. */
async function isOurs(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isDirectory() === true && (!process.getuid || stats.uid === process.getuid());
}

/** Looks at its files, too, because a growing file does not change its folder's time; a copied one may keep its own. */
async function isOld(folder: string, now: number): Promise<boolean> {
  try {
    const inside = await readdir(folder, { recursive: true });
    const stats = await Promise.all(['', ...inside].map((path) => lstat(join(folder, path))));
    return stats.every(({ mtimeMs, ctimeMs }) => Math.abs(now - Math.max(mtimeMs, ctimeMs)) > OLD_MS);
  } catch {
    return false;
  }
}
