/** When a folder's files were last changed. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { git, NoRepository } from './git.ts';

/** Commits looked through for the last changes: more take git long in a large history. */
const MOST_COMMITS = 20_000;

/**
 * Of each path (relative, with "/") the seconds since 1970 of the last commit that changed it; of what git does not know,
 * of the file itself. Where its commit is older than those that were looked through, of the oldest of them. Without a
 * path that can't be read.
 */
export async function changeTimes(
  folder: string,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const { times, oldest, whole } = await committed(folder, new Set(paths), signal);
  for (const path of paths) {
    if (times.has(path)) continue;
    const time = whole ? await modified(join(folder, path)) : oldest;
    if (time !== undefined) times.set(path, time);
  }
  return times;
}

async function modified(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && found.mtimeMs / 1000;
}

interface Committed {
  times: Map<string, number>;
  /** Of the commits that were looked through. */
  oldest: number | undefined;
  /** There are no others. */
  whole: boolean;
}

async function committed(
  folder: string,
  wanted: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<Committed> {
  const times = new Map<string, number>();
  const log = ['log', `-n${MOST_COMMITS}`, '--no-merges', '--relative', '--name-only', '--format=%x01%ct'];
  let commits = 0;
  let time: number | undefined;
  try {
    for await (const line of git(folder, log, signal)) {
      if (line.startsWith('\x01')) {
        commits += 1;
        time = Number(line.slice(1));
      } else if (time !== undefined && wanted.has(line) && !times.has(line)) {
        times.set(line, time);
        if (times.size === wanted.size) break;
      }
    }
  } catch (error) {
    if (!(error instanceof NoRepository)) throw error;
  }
  return { times, oldest: time, whole: commits < MOST_COMMITS };
}
