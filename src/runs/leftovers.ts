/** Cleans up temporary files and folders of killed processes. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProcessAlive } from './processes.ts';

/** Temporary files of writeByRename and writeGguf, whose names include the pid. */
const written = /\.(\d+)(?:-[0-9a-f]+)?\.tmp$/;

/**
 * Removes leftover files in a folder, recursively. `own`: also those without a pid in their name, because only the
 * caller writes such files here. Ignores files that can't be removed.
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
