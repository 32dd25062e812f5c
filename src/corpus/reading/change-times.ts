/** When a folder's files were last changed. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gitLog, NoRepository } from './git.ts';

/** Limit of commits to read, because git takes too long for more in a large history. */
const MOST_COMMITS = 20_000;

/**
 * For each path (relative, with "/"): the time of the last commit that changed it, in seconds since 1970. For files
 * that git does not track, the file's modification time; if the commit is older than those that were read, the oldest
 * one's time. Paths that can't be read are omitted.
 */
export async function changeTimes(
  folder: string,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const { times, oldest, isComplete } = await readCommitTimes(folder, new Set(paths), signal);
  for (const path of paths) {
    if (times.has(path)) continue;
    const time = isComplete ? await modificationTime(join(folder, path)) : oldest;
    if (time !== undefined) times.set(path, time);
  }
  return times;
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
): Promise<CommitTimes> {
  const times = new Map<string, number>();
  // Detecting renames needs file contents, which a partial clone may lack.
  const args = [`-n${MOST_COMMITS}`, '--no-renames', '--name-only', '--format=%x01%ct'];
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
  return { times, oldest: time, isComplete: commits < MOST_COMMITS };
}
