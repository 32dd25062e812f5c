/** The folders of runs, sweeps and reproductions: their names, and how they are created and found. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { removeFolder, renamePatiently } from '../platform/files/write-file.ts';
import { UserError } from '../text/errors.ts';
import { makeTemporaryFolder } from './temporary-folders.ts';

/** "20261125-011205", in local time; sorts chronologically. */
export function timeStamp(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}

/** The folders in `parent`, which need not exist, except unfinished ones, whose names begin with a dot. */
export async function folderNames(parent: string): Promise<string[]> {
  const entries = await readdir(parent, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name);
}

/**
 * Creates a folder in `parent` atomically: `fill` writes its content into a temporary folder, which is then renamed.
 * `newName` must be random enough that two processes don't choose the same name. Returns the folder.
 */
export async function createFolder(
  parent: string,
  newName: () => string,
  fill: (dir: string, name: string) => Promise<void>,
): Promise<string> {
  const temporary = await makeTemporaryFolder(parent, 'new');
  try {
    let name = newName();
    while (existsSync(join(parent, name))) name = newName();
    await fill(temporary, name);
    const dir = join(parent, name);
    // Fails if another process has just created this folder, because it is not empty.
    await renamePatiently(temporary, dir);
    return dir;
  } catch (error) {
    await removeFolder(temporary).catch(() => undefined);
    throw error;
  }
}

/**
 * The folder in `parent` that `ref` refers to: a name, a prefix of one, or `latest`. `kind`: "sweep"; `start`: how to
 * create a first one. Errors: run-not-found.
 */
export async function findFolder(
  parent: string,
  ref: string,
  { kind, start }: { kind: string; start: string },
): Promise<string> {
  const names = (await folderNames(parent)).sort();
  const matches = ref === 'latest' ? names.slice(-1) : names.filter((name) => ref && name.startsWith(ref));
  if (matches.length === 1) return join(parent, matches[0]!);
  throw new UserError(
    'run-not-found',
    matches.length ? `"${ref}" matches ${matches.length} ${kind}s.` : `There is no ${kind} "${ref}".`,
    names.length ? `There are: ${names.slice(-3).join(', ')}.` : start,
  );
}

/** Rejects files of newer versions. `json` is the content of a file with a `format`. Errors: run-newer. */
export function refuseNewer(dir: string, json: unknown, newest: number): void {
  const format = Number((json as { format?: unknown } | null)?.format);
  if (!(format > newest)) return;
  throw new UserError(
    'run-newer',
    `${basename(dir)} was written by a newer version (format ${format}; this version reads up to ${newest}).`,
    'Update Forget-Me-Not to open it.',
  );
}
