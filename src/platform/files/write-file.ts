import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** The temporary file, unique to this process, that is later renamed to `path`. */
export const temporaryPath = (path: string): string =>
  `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;

const RETRIES = 20;
const RETRY_MS = 25;

/** As `rename`, but patient with Windows, which refuses while another process has the file open. */
export async function renamePatiently(from: string, to: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await rename(from, to);
    } catch (error) {
      const isBusy = ['EPERM', 'EBUSY', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '');
      if (process.platform !== 'win32' || !isBusy || attempt === RETRIES) throw error;
      await sleep(RETRY_MS);
    }
  }
}

/** Writes a file atomically, by renaming a temporary one. `mode`: its permissions. */
export async function writeByRename(path: string, text: string, mode = 0o666): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    await writeFile(temporary, text, { mode });
    await renamePatiently(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
