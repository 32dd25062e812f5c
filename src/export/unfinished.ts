/** The folder that an export is made in, beside its output. One whose exporter was killed is removed by the next. */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive, processStart } from '../runs/processes.ts';

/** `.exporting-PID-START-xxxxxx`: START tells the exporter from a later process of its pid. */
const pattern = /^\.exporting-(\d+)-(\w*)-\w{6}$/;
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
    const [, pid, started] = pattern.exec(name) ?? [];
    if (pid === undefined || (isProcessAlive(Number(pid)) && startOf(Number(pid)) === started)) continue;
    // What can't be removed is in nobody's way.
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
