/** When a folder's files were last changed. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gitLog, NoRepository } from './git.ts';

/** Most commits to read: in a large history, more take git too long. */
const MOST_COMMITS = 20_000;

/**
 * For each path (relative, with "/"): the time of the last commit that changed it, in seconds since 1970. For files
 * that git does not know, the file's own time; if the commit is older than those that were read, the oldest one's
 * time. Paths that can't be read are left out.
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
  /** Time of the oldest commit that was read. */
  oldest: number | undefined;
  /** All commits were read. */
  whole: boolean;
}

async function committed(
  folder: string,
  wanted: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<Committed> {
  const times = new Map<string, number>();
  // Renames are found by comparing files, which a partial clone may lack.
  const wish = [`-n${MOST_COMMITS}`, '--no-renames', '--name-only', '--format=%x01%ct'];
  let commits = 0;
  let time: number | undefined;
  try {
    for await (const line of gitLog(folder, wish, signal)) {
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
    // A part of the history would make files old or new by whether git came to them.
    return { times: new Map(), oldest: undefined, whole: true };
  }
  return { times, oldest: time, whole: commits < MOST_COMMITS };
}
