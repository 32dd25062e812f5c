/** Detects whether a file has changed, without reading it. */
import type { Stats } from 'node:fs';

/** A string that changes when the file is written or replaced; empty if there is no file. */
export const fileMark = (stats: Stats | undefined): string =>
  stats ? `${stats.mtimeMs} ${stats.size} ${stats.ino}` : '';

/** For `catch`: ignores a missing file. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
