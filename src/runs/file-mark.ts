/** Whether a file is as it was, without reading it. */
import type { Stats } from 'node:fs';

/** Another one when the file was written or replaced; empty where there is none. */
export const fileMark = (stats: Stats | undefined): string =>
  stats ? `${stats.mtimeMs} ${stats.size} ${stats.ino}` : '';

/** For `catch`: a file that is not there is no error. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
