/** The folder that an export is made in, beside its output. One whose exporter was killed is removed by the next. */
import { lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive, processStart } from '../runs/processes.ts';

/** `.exporting-PID-START-xxxxxx`: START tells the exporter from a later process of its pid. */
const pattern = /^\.exporting-(\d+)-(\w*)-\w{6}$/;
/** What earlier versions made: `mkdtemp`'s six characters, nothing of whose they are. */
const nameless = /^\.exporting-\w{6}$/;
/** No export takes a day: one that is older and names nobody has nobody. */
const OLD_MS = 24 * 60 * 60 * 1000;
const startOf = (pid: number) => processStart(pid)?.replace(/\W/g, '') ?? '';

/** Makes the folder in `parent`, which is made too. */
export async function makeFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  await removeUnfinished(parent);
  return mkdtemp(join(parent, `.exporting-${process.pid}-${startOf(process.pid)}-`));
}

/** Removes what exporters that are gone have left. */
async function removeUnfinished(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    if (!(await isLeft(parent, name))) continue;
    // What can't be removed is in nobody's way.
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isLeft(parent: string, name: string): Promise<boolean> {
  const [, pid, started] = pattern.exec(name) ?? [];
  if (pid !== undefined) return !isProcessAlive(Number(pid)) || startOf(Number(pid)) !== started;
  return nameless.test(name) && (await isOld(join(parent, name)));
}

/** The folder and what is in it: a file that grows leaves its folder's time as it was. */
async function isOld(folder: string): Promise<boolean> {
  try {
    if (!(await lstat(folder)).isDirectory()) return false;
    const inside = await readdir(folder, { recursive: true });
    const stats = await Promise.all(['', ...inside].map((path) => lstat(join(folder, path))));
    return stats.every(({ mtimeMs }) => Date.now() - mtimeMs > OLD_MS);
  } catch {
    return false;
  }
}
