import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';

/** Where a file is written before it is renamed to `path`: by this process, which may be killed meanwhile. */
export const temporaryPath = (path: string): string =>
  `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;

/** Writes a temporary file and renames it to `path`: readers never see half a file. `mode`: who may read it. */
export async function writeByRename(path: string, text: string, mode = 0o666): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    await writeFile(temporary, text, { mode });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
