/** What was committed since a run: the lines that each commit added to code. */
import { kindOf } from '../kinds.ts';
import { isProjectPath } from '../names.ts';
import { gitLog, linesAt } from './git.ts';

/** Lines of a file, from 0; `to` is the first after them. */
export interface AddedLines {
  from: number;
  to: number;
}

export interface LandedFile {
  /** In the folder. */
  path: string;
  /** After the commit. */
  text: string;
  added: AddedLines[];
}

export interface Landed {
  commit: string;
  /** ISO time. */
  at: string;
  files: LandedFile[];
}

/** Commits that add more lines were made by a program, or moved code. */
const MAX_LINES = 1000;
/** Longer files are data. In characters. */
const MAX_CHARACTERS = 400_000;
/** Commits that are looked at. */
const MAX_COMMITS = 1000;

/**
 * The newest `most` commits that add lines to code in the folder, oldest first, without merges: those after the commit
 * `head` or, if that is not known, after the ISO time `since`. Throws NoRepository, and `signal`'s reason.
 */
export async function landedSince(
  folder: string,
  { head, since, most }: { head?: string | undefined; since: string; most: number },
  signal?: AbortSignal,
): Promise<Landed[]> {
  const args = [
    '-p',
    '-U0',
    '-M',
    head === undefined ? `--since=${since}` : `${head}..HEAD`,
    `-n${MAX_COMMITS}`,
    '--format=tformat:%x01%H %cI',
  ];
  const landed: Landed[] = [];
  for await (const { commit, at, files } of commitsOf(gitLog(folder, args, signal))) {
    const code = files.filter(
      ({ path, added }) => added.length > 0 && isProjectPath(path) && kindOf(path) === 'code',
    );
    const lines = code.flatMap(({ added }) => added).reduce((sum, { from, to }) => sum + to - from, 0);
    if (lines === 0 || lines > MAX_LINES) continue;
    const read: LandedFile[] = [];
    for (const { path, added } of code) {
      const text = await textAt(folder, { commit, path }, signal);
      if (text.length <= MAX_CHARACTERS) read.push({ path, added, text });
    }
    if (read.length > 0) landed.push({ commit, at, files: read });
    if (landed.length >= most) break;
  }
  return landed.reverse();
}

async function textAt(
  folder: string,
  place: { commit: string; path: string },
  signal: AbortSignal | undefined,
): Promise<string> {
  const lines: string[] = [];
  for await (const line of linesAt(folder, place, signal)) lines.push(line);
  return `${lines.join('\n')}\n`;
}

interface Patched {
  commit: string;
  at: string;
  files: Omit<LandedFile, 'text'>[];
}

/** Reads `git log -p -U0`, whose commits begin with \x01. */
async function* commitsOf(lines: AsyncIterable<string>): AsyncGenerator<Patched> {
  let commit: Patched | undefined;
  /** Lines of the hunk that are still to come, which may look like anything. */
  let rest = 0;
  for await (const line of lines) {
    if (rest > 0) {
      if (/^[+-]/.test(line)) rest -= 1;
      continue;
    }
    if (line.startsWith('\x01')) {
      if (commit) yield commit;
      const [hash, time] = line.slice(1).split(' ');
      commit = { commit: hash!, at: time!, files: [] };
      continue;
    }
    const path = /^\+\+\+ b\/(.+?)\t?$/.exec(line)?.[1];
    if (path !== undefined) commit?.files.push({ path, added: [] });
    const [, removed, first, count = '1'] = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    if (first === undefined) continue;
    rest = Number(removed ?? 1) + Number(count);
    const from = Number(first) - 1;
    if (Number(count) > 0) commit?.files.at(-1)?.added.push({ from, to: from + Number(count) });
  }
  if (commit) yield commit;
}
