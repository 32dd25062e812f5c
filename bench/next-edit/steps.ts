/** The changes from one release to the next, according to git diff. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { languageIdForPath } from '../../src/completion/code/languages.ts';
import type { FileStep, Hunk } from './file-text.ts';

/** What changed in fewer places has no follow-up edits; what changed in more was rewritten, or by a program. */
export const HUNKS = { fewest: 2, most: 60 };
const LONGEST = 400_000;

/** The changes of all matching files that are in both folders, in order of their paths. */
export async function stepsBetween(before: string, after: string, wanted: RegExp): Promise<FileStep[]> {
  const args = [
    'diff',
    '--no-index',
    '--no-color',
    '--no-ext-diff',
    '-U0',
    '--no-renames',
    '--',
    before,
    after,
  ];
  const diff = await promisify(execFile)('git', args, { maxBuffer: 1 << 30 }).then(
    ({ stdout }) => stdout,
    // git exits with 1 if there are differences.
    (error: { stdout?: string; code?: number }) => {
      if (error.code !== 1) throw error;
      return error.stdout ?? '';
    },
  );
  const steps: FileStep[] = [];
  for (const part of diff.split(/^(?=diff --git )/m)) {
    const path = /^--- a(\/.*)$/m.exec(part)?.[1];
    if (!path || !/^\+\+\+ b\//m.test(part)) continue;
    const own = path.slice(path.indexOf(before) + before.length + 1);
    if (!wanted.test(own)) continue;
    const hunks = hunksOf(part);
    if (hunks.length < HUNKS.fewest || hunks.length > HUNKS.most) continue;
    const text = await readFile(join(before, own), 'utf8');
    if (text.length <= LONGEST)
      steps.push({ path: own, languageId: languageIdForPath(own), before: text, hunks });
  }
  return steps.sort((a, b) => a.path.localeCompare(b.path, 'en'));
}

/** The hunks of a file in the output of git diff -U0. */
export function hunksOf(part: string): Hunk[] {
  const hunks: (Hunk & { old: string[]; now: string[] })[] = [];
  for (const line of part.split('\n')) {
    const head = /^@@ -(\d+)(?:,(\d+))? /.exec(line);
    if (head) {
      const count = Number(head[2] ?? 1);
      // An insertion gives the line after which it is made.
      hunks.push({ at: Number(head[1]) - (count > 0 ? 1 : 0), old: [], now: [] });
    } else if (line.startsWith('-')) hunks.at(-1)?.old.push(line.slice(1));
    else if (line.startsWith('+')) hunks.at(-1)?.now.push(line.slice(1));
  }
  return hunks;
}
