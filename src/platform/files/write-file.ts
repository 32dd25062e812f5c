import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** The temporary file, unique to this process, that is later renamed to `path`. */
export const temporaryPath = (path: string): string =>
  `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;

const RETRIES = 20;
const RETRY_MS = 25;

/** As `rename`, but patient with Windows, which refuses while another process has the file open. */
export const renamePatiently = (from: string, to: string): Promise<void> => patiently(() => rename(from, to));

/** Removes a folder, or a file, if there is one; patient with Windows as well, and with whoever still writes into it. */
export const removeFolder = (path: string): Promise<void> =>
  // Not with `maxRetries`: of a file deep inside, it tries again at each level.
  patiently(() => rm(path, { recursive: true, force: true }));

async function patiently(work: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      const isBusy =
        code === 'ENOTEMPTY' || (process.platform === 'win32' && ['EPERM', 'EBUSY', 'EACCES'].includes(code));
      if (!isBusy || attempt === RETRIES) throw error;
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
