/**
 * Turns git commits into instruction pairs: the message and the code before are the question, the diff is the answer.
 */
import { realpath } from 'node:fs/promises';
import { gitLog, NoRepository } from '../reading/git.ts';
import { PastPaths } from '../reading/gitignore.ts';
import type { Globs } from '../reading/globs.ts';
import { isProjectPath } from '../names.ts';

export interface CommitPair {
  hash: string;
  /** Its relative position among the commits that were read, from 0 (newest) to 1. */
  age: number;
  message: string;
  /** For each changed file, the lines around the changes before the commit. */
  before: { path: string; text: string }[];
  diff: string;
}

const MAX_COMMITS = 20_000;
/** Longest patch that is read, in characters. */
const MAX_PATCH = 1_000_000;
const MAX_PATHS = 1_000_000;
const MIN_WORDS = 3;
/** Limits of a change that can be written from its message alone; the diff's in characters. */
const MAX_FILES = 4;
const MAX_DIFF = 12_000;
/** Context lines around a change. */
const CONTEXT = 8;

/** Messages that say nothing about the change. */
const uninformative =
  /^(?:wip\b|tmp\b|merge\b|revert\b|bump\b|release\b|version\b|v?\d+\.\d+|initial commit|(?:update|updated|upgrade|fix|fixed|minor|misc|cleanup|typo|lint|format|prettier)\b[\s\w.,-]{0,24}$)|\b(?:dependabot|renovate)\b/i;

export interface CommitOptions {
  folder: string;
  globs?: Globs | undefined;
  signal?: AbortSignal | undefined;
  /** Called for every commit that was examined. */
  onCommit?: (() => void) | undefined;
}

/**
 * Commits from newest to oldest, each reduced to the files in `folder` that are not ignored, vendored, generated,
 * binary or excluded by `globs`. Skips merges, large changes, and
 * commits whose message is uninformative or mostly about other files. Throws NoRepository.
 */
export async function* commitPairs({
  folder,
  globs,
  signal,
  onCommit,
}: CommitOptions): AsyncGenerator<CommitPair> {
  const { count, ignored } = await examineHistory(folder, { globs, signal });
  let position = 0;
  const args = ['-p', `-U${CONTEXT}`, '-M', `-n${MAX_COMMITS}`, '--format=tformat:%x01%H%n%B%x02'];
  const lines = gitLog(folder, args, signal);
  for await (const commit of parseCommits(lines)) {
    onCommit?.();
    const pair = toPair(commit, ignored);
    if (pair) yield { ...pair, age: position / count };
    position += 1;
  }
}

interface Commit {
  hash: string;
  message: string;
  /** Undefined if it was too long. */
  patch: string | undefined;
}

async function* parseCommits(lines: AsyncIterable<string>): AsyncGenerator<Commit> {
  let commit: Commit | undefined;
  let inMessage = false;
  for await (const line of lines) {
    if (line.startsWith('\x01')) {
      if (commit) yield commit;
      commit = { hash: line.slice(1), message: '', patch: '' };
      inMessage = true;
    } else if (commit && inMessage) {
      inMessage = !line.endsWith('\x02');
      if (commit.message.length < MAX_PATCH) commit.message += `${line.replace('\x02', '')}\n`;
    } else if (commit?.patch !== undefined) {
      commit.patch = commit.patch.length > MAX_PATCH ? undefined : `${commit.patch}${line}\n`;
    }
  }
  if (commit) yield commit;
}

function toPair(
  { hash, message, patch }: Commit,
  ignored: ReadonlySet<string>,
): Omit<CommitPair, 'age'> | undefined {
  const text = messageText(message);
  const isUninformative = uninformative.test(text) || text.split(/\s+/).length < MIN_WORDS;
  if (!patch || isUninformative) return undefined;
  const parts = patch.split(/^(?=diff --git )/m).filter((part) => part.startsWith('diff --git '));
  const files = parts
    .map(parseFileDiff)
    .filter((file) => file !== undefined)
    .filter(({ path }) => !ignored.has(path) && isProjectPath(path));
  const diff = files.map((file) => file.diff).join('');
  if (files.length === 0 || files.length > MAX_FILES || diff.length > MAX_DIFF) return undefined;
  // The message is mostly about other files.
  if (files.length < parts.length / 2) return undefined;
  // Part of it is not UTF-8.
  if (diff.includes('\uFFFD')) return undefined;
  return { hash, message: text, before: files.map(({ path, before }) => ({ path, text: before })), diff };
}

/** The message without trailers and issue numbers, which can't be inferred from the code. */
const messageText = (message: string) =>
  message
    .replace(/^(?:signed-off-by|co-authored-by|reviewed-by|acked-by|change-id|git-svn-id)\b.*$/gim, '')
    .replace(/\s*\(#\d+\)/g, '')
    .trim();

/** Parses one file's part of a patch; undefined if it has no lines: only a rename, a mode change or a binary file. */
function parseFileDiff(part: string): { path: string; before: string; diff: string } | undefined {
  const at = part.search(/^@@ /m);
  const path = /^\+\+\+ b\/(.+?)\t?$/m.exec(part.slice(0, at))?.[1];
  if (at < 0 || path === undefined) return undefined;
  const hunks = part.slice(at);
  // Some lines contain other kinds of line breaks.
  if (/^[^ +\-@\\\n]/m.test(hunks)) return undefined;
  const from = /^--- (.+?)\t?$/m.exec(part)![1]!;
  const before = hunks
    .split('\n')
    .filter((line) => /^[ @-]/.test(line))
    .map((line) => (line.startsWith('@@') ? '...' : line.slice(1)))
    .slice(1);
  const diff = `--- ${from}\n+++ b/${path}\n${hunks.replace(/^(@@ .+? @@).*$/gm, '$1')}`;
  return { path, before: from === '/dev/null' ? '' : before.join('\n'), diff };
}

/** The number of commits, and the paths in them that git would ignore now or that `globs` exclude. */
async function examineHistory(
  folder: string,
  { globs, signal }: Pick<CommitOptions, 'globs' | 'signal'>,
): Promise<{ count: number; ignored: ReadonlySet<string> }> {
  let count = 0;
  const paths = new Set<string>();
  const args = [`-n${MAX_COMMITS}`, '--no-renames', '--name-only', '--format=tformat:%x01'];
  for await (const line of gitLog(folder, args, signal)) {
    if (line === '\x01') count += 1;
    else if (line) paths.add(line);
    if (paths.size > MAX_PATHS) throw new NoRepository(`they name more than ${MAX_PATHS} files`);
  }
  const past = new PastPaths(await realpath(folder));
  const ignored = new Set<string>();
  for (const path of paths) {
    signal?.throwIfAborted();
    if (globs?.excludes(path) || (await past.ignores(path))) ignored.add(path);
  }
  return { count, ignored };
}
