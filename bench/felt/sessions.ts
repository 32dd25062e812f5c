/** What is replayed in a repository: some hunks of some files, and which other files are open. Pure. */
import type { OtherFile } from '../../src/completion/index.ts';
import { mixText } from '../../src/statistics/random.ts';
import { hunksOf, type Hunk } from './hunks.ts';

export interface Session {
  /** Hunks of one file, in order. */
  hunks: Hunk[];
  files: readonly OtherFile[];
}

/** Limits on hunks per file, and on other open files. */
const MAX_HUNKS_PER_FILE = 3;
const OPEN_FILES = 4;

/** Picks files in a deterministic order until there are `count` hunks. Skips new files. */
export function sessionsOf(
  old: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
  count: number,
): Session[] {
  const changed = [...now]
    .filter(([path, text]) => (old.get(path) ?? text) !== text)
    .map(([path]) => path)
    .sort((a, b) => mixText(a) - mixText(b));
  const sessions: Session[] = [];
  let left = count;
  for (const path of changed) {
    if (left <= 0) break;
    const hunks = hunksOf(path, old.get(path)!, now.get(path)!).slice(0, Math.min(MAX_HUNKS_PER_FILE, left));
    if (hunks.length === 0) continue;
    left -= hunks.length;
    sessions.push({ hunks, files: nearest(path, old) });
  }
  return sessions;
}

/** The files that share the most folders with `path`, with their content in the old release. */
function nearest(path: string, files: ReadonlyMap<string, string>): OtherFile[] {
  const folders = path.split('/').slice(0, -1);
  const shared = (other: string) => {
    const names = other.split('/');
    let count = 0;
    while (count < folders.length && folders[count] === names[count]) count += 1;
    return count;
  };
  return [...files.keys()]
    .filter((other) => other !== path)
    .sort((a, b) => shared(b) - shared(a) || a.localeCompare(b, 'en'))
    .slice(0, OPEN_FILES)
    .map((other) => ({ path: other, text: files.get(other)! }));
}
