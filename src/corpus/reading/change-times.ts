/** When a folder's files were last changed. */
import { stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pathWithin } from './folders.ts';
import { committedFiles, gitLog, NoRepository } from './git.ts';
import { repositoryRoot } from './gitignore.ts';

/** Limit of commits to read, because git takes too long for more in a large history. */
const MAX_COMMITS = 20_000;

/**
 * For each path (relative, with "/"): the time of the last commit that changed it, in seconds since 1970; for files in a
 * submodule or another repository inside the folder, in that one's history. For files that were never committed, the
 * file's modification time; if the commit is older than the `maxCommits` that are read, the oldest one's time. Paths that
 * can't be read are omitted.
 */
export async function changeTimes(
  folder: string,
  paths: readonly string[],
  signal?: AbortSignal,
  maxCommits = MAX_COMMITS,
): Promise<Map<string, number>> {
  const { times, oldest, isComplete } = await readCommitTimes(folder, new Set(paths), signal, maxCommits);
  const others = paths.filter((path) => !times.has(path));
  for (const [repository, inside] of await byRepository(folder, others)) {
    if (repository !== undefined) {
      const own = inside.map((path) => path.slice(repository.length + 1));
      for (const [path, time] of await changeTimes(join(folder, repository), own, signal, maxCommits))
        times.set(`${repository}/${path}`, time);
      continue;
    }
    const uncommitted = isComplete ? new Set(inside) : await uncommittedOf(folder, inside, signal);
    for (const path of inside) {
      const time = uncommitted.has(path) ? await modificationTime(join(folder, path)) : oldest;
      if (time !== undefined) times.set(path, time);
    }
  }
  return times;
}

/** Groups paths by the innermost repository below the folder that they are in; undefined: none. */
async function byRepository(
  folder: string,
  paths: readonly string[],
): Promise<Map<string | undefined, string[]>> {
  const repositories = new Map<string, string | undefined>();
  const groups = new Map<string | undefined, string[]>();
  for (const path of paths) {
    const place = posix.dirname(path);
    if (!repositories.has(place)) {
      const top = await repositoryRoot(join(folder, place));
      repositories.set(place, top && pathWithin(folder, top));
    }
    const repository = repositories.get(place);
    const group = groups.get(repository);
    if (group) group.push(path);
    else groups.set(repository, [path]);
  }
  return groups;
}

/** Those of `paths` that are not in the newest commit; none if git can't say. */
async function uncommittedOf(
  folder: string,
  paths: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const uncommitted = new Set(paths);
  try {
    for await (const path of committedFiles(folder, signal)) uncommitted.delete(path);
    return uncommitted;
  } catch (error) {
    if (error instanceof NoRepository) return new Set();
    throw error;
  }
}

async function modificationTime(path: string): Promise<number | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats && stats.mtimeMs / 1000;
}

interface CommitTimes {
  times: Map<string, number>;
  /** Time of the oldest commit that was read. */
  oldest: number | undefined;
  /** Whether all commits were read. */
  isComplete: boolean;
}

async function readCommitTimes(
  folder: string,
  paths: ReadonlySet<string>,
  signal: AbortSignal | undefined,
  maxCommits: number,
): Promise<CommitTimes> {
  const times = new Map<string, number>();
  // Detecting renames needs file contents, which a partial clone may lack.
  const args = [`-n${maxCommits}`, '--no-renames', '--name-only', '--format=%x01%ct'];
  let commits = 0;
  let time: number | undefined;
  try {
    for await (const line of gitLog(folder, args, signal)) {
      if (line.startsWith('\x01')) {
        commits += 1;
        time = Number(line.slice(1));
      } else if (time !== undefined && paths.has(line) && !times.has(line)) {
        times.set(line, time);
        if (times.size === paths.size) break;
      }
    }
  } catch (error) {
    if (!(error instanceof NoRepository)) throw error;
    // With a partial history, a file's age would depend on whether git got that far.
    return { times: new Map(), oldest: undefined, isComplete: true };
  }
  return { times, oldest: time, isComplete: commits < maxCommits };
}
