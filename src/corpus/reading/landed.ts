/** What was committed since a run: the lines that each commit added to code. */
import { realpath } from 'node:fs/promises';
import { kindOf } from '../kinds.ts';
import { isProjectPath } from '../names.ts';
import { commitAt, gitLog, linesAt, NoRepository } from './git.ts';
import { PastPaths } from './gitignore.ts';
import type { Globs } from './globs.ts';

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
  /** Paths that are gone: deleted, or renamed. */
  gone: string[];
}

export interface LandedOptions {
  /** The newest commit of the folder at the time of the run, if there was one, and the ISO time of the run. */
  head: string | undefined;
  since: string;
  most: number;
  globs: Globs;
  signal?: AbortSignal | undefined;
}

/** Commits that add more lines, or change more files, were made by a program, or moved code. */
const MAX_LINES = 1000;
const MAX_FILES = 50;
/** Longer files are data. In characters. */
const MAX_CHARACTERS = 400_000;
/** Commits that are looked at. */
const MAX_COMMITS = 1000;

/**
 * The newest `most` commits that add lines to code in the folder, oldest first, without merges: those after `head` or,
 * if the repository has no such commit, after `since`. Leaves out files that git ignores or that `globs` exclude.
 * Throws NoRepository, and `signal`'s reason.
 */
export async function landedSince(
  folder: string,
  { head, since, most, globs, signal }: LandedOptions,
): Promise<Landed[]> {
  const isKnown = head !== undefined && (await commitAt(folder, head, signal)) !== undefined;
  const after = isKnown ? `${head}..HEAD` : `--since=${since}`;
  // Whatever is configured: hunks must not contain unchanged lines.
  const patch = ['-p', '-U0', '--inter-hunk-context=0', '-M', '--format=tformat:%x01%H %cI'];
  const past = new PastPaths(await realpath(folder).catch(() => folder));
  const isWanted = async ({ path, added }: Omit<LandedFile, 'text'>) =>
    added.length > 0 &&
    isProjectPath(path) &&
    kindOf(path) === 'code' &&
    !globs.excludes(path) &&
    !(await past.ignores(path));
  const landed: Landed[] = [];
  for await (const commit of commitsOf(gitLog(folder, [...patch, after, `-n${MAX_COMMITS}`], signal))) {
    const lines = commit.files
      .flatMap(({ added }) => added)
      .reduce((sum, { from, to }) => sum + to - from, 0);
    if (lines > MAX_LINES || commit.files.length > MAX_FILES) continue;
    const files: LandedFile[] = [];
    for (const file of commit.files) {
      if (!(await isWanted(file))) continue;
      const text = await textAt(folder, { commit: commit.commit, path: file.path }, signal);
      if (text !== undefined && text.length <= MAX_CHARACTERS) files.push({ ...file, text });
    }
    if (files.length > 0) landed.push({ ...commit, files });
    if (landed.length >= most) break;
  }
  return landed.reverse();
}

/** Undefined if it is no file, but a submodule. */
async function textAt(
  folder: string,
  place: { commit: string; path: string },
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const lines: string[] = [];
  try {
    for await (const line of linesAt(folder, place, signal)) lines.push(line);
  } catch (error) {
    if (error instanceof NoRepository) return undefined;
    throw error;
  }
  return `${lines.join('\n')}\n`;
}

type Patched = Omit<Landed, 'files'> & { files: Omit<LandedFile, 'text'>[] };

/** Reads `git log -p -U0`, whose commits begin with \x01. */
async function* commitsOf(lines: AsyncIterable<string>): AsyncGenerator<Patched> {
  let commit: Patched | undefined;
  let file: Patched['files'][number] | undefined;
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
      commit = { commit: hash!, at: time!, files: [], gone: [] };
    }
    // Git quotes unusual names, which then match nothing below.
    if (line.startsWith('diff --git ')) file = undefined;
    const gone = /^(?:rename from (.+)|--- a\/(.+?)\t?)$/.exec(line);
    if (gone) commit?.gone.push((gone[1] ?? gone[2])!);
    const path = /^\+\+\+ b\/(.+?)\t?$/.exec(line)?.[1];
    if (path !== undefined && commit) {
      file = { path, added: [] };
      commit.files.push(file);
      commit.gone = commit.gone.filter((one) => one !== path);
    }
    const [, removed, first, count = '1'] = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    if (first === undefined) continue;
    rest = Number(removed ?? 1) + Number(count);
    const from = Number(first) - 1;
    if (Number(count) > 0) file?.added.push({ from, to: from + Number(count) });
  }
  if (commit) yield commit;
}
