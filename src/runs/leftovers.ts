/** Half-written files and folders of processes that were killed. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive } from './processes.ts';

/** As writeByRename and writeGguf name what they write: by the process that writes it. */
const written = /\.(\d+)(?:-[0-9a-f]+)?\.tmp$/;

/**
 * Removes what is left in a folder and those below it. `own`: also what has no process in its name, because nobody but
 * the caller writes such files here. What can't be removed stays.
 */
export async function removeLeftovers(folder: string, { own = false } = {}): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const [, pid] = written.exec(entry.name) ?? [];
    const isLeft = pid === undefined ? own && entry.name.endsWith('.tmp') : !isProcessAlive(Number(pid));
    if (isLeft) await rm(path, { recursive: true, force: true }).catch(() => undefined);
    else if (entry.isDirectory()) await removeLeftovers(path, { own });
  }
}
