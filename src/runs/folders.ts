/** Names of the folders of runs, sweeps and reproductions. */
import { readdir } from 'node:fs/promises';

/** "20261125-0112", in local time; names sort by it. */
export function timeStamp(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${day}-${two(now.getHours())}${two(now.getMinutes())}`;
}

/** The folders in `parent`, which need not exist. Names that begin with a dot are unfinished and left out. */
export async function folderNames(parent: string): Promise<string[]> {
  const entries = await readdir(parent, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name);
}
