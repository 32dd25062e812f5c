/** The temporary folder of an export, beside its output. If its exporter was killed, the next export removes it. */
import { lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMakerAlive, makerMark } from '../runs/processes.ts';

/** `.exporting-PID-START-xxxxxx`: START distinguishes the exporter from a later process with the same pid. */
const pattern = /^\.exporting-(\d+-\w*)-\w{6}$/;
/** Name in earlier versions: only `mkdtemp`'s six characters, without the owner. */
const nameless = /^\.exporting-\w{6}$/;
/** No export takes a day, so an older folder without an owner in its name is abandoned. */
const OLD_MS = 24 * 60 * 60 * 1000;

/** Creates the folder in `parent`, and `parent` if needed. */
export async function makeFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  await removeUnfinished(parent);
  return mkdtemp(join(parent, `.exporting-${makerMark()}-`));
}

/** Removes the folders of exporters that no longer run. */
async function removeUnfinished(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    if (!(await isLeft(parent, name))) continue;
    // A folder that can't be removed does no harm.
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isLeft(parent: string, name: string): Promise<boolean> {
  const [, mark] = pattern.exec(name) ?? [];
  if (mark !== undefined) return !isMakerAlive(mark);
  return nameless.test(name) && (await isOld(join(parent, name)));
}

/** Checks the folder and its files, because a growing file does not change its folder's time. */
async function isOld(folder: string): Promise<boolean> {
  try {
    if (!(await lstat(folder)).isDirectory()) return false;
    const inside = await readdir(folder, { recursive: true });
    const stats = await Promise.all(['', ...inside].map((path) => lstat(join(folder, path))));
    return stats.every(({ mtimeMs }) => Math.abs(Date.now() - mtimeMs) > OLD_MS);
  } catch {
    return false;
  }
}
