/**
 * A mark on disk while doing something that may crash the process. The restarted process finds the mark and avoids
 * crashing the same way.
 */
import { rmSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isRecent } from '../../platform/files/json-cache.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { writeByRename } from '../../platform/files/write-file.ts';
import { isProcessAlive } from '../../runs/index.ts';

/** After this long it is tried again: drivers or free memory may have changed. */
const REMEMBERED_MS = 24 * 3600_000;

/** Whether a process crashed during the marked work within the last day. */
export async function hasCrashedWith(mark: string): Promise<boolean> {
  const markStat = await stat(mark).catch(() => undefined);
  if (!markStat || !isRecent(markStat.mtimeMs, REMEMBERED_MS)) return false;
  const pid = await pidIn(mark);
  return Number.isInteger(pid) && pid > 0 && !isProcessAlive(pid);
}

/** The process that left the mark; NaN if it can't be read. */
export const pidIn = async (mark: string): Promise<number> =>
  Number((await readText(mark).catch(() => '')) || NaN);

/** Leaves the mark of a process. Never rejects: without the mark, a crash would merely go unnoticed. */
export const leaveMark = (mark: string, pid: number): Promise<void> =>
  mkdir(dirname(mark), { recursive: true })
    .then(() => writeByRename(mark, `${pid}\n`))
    .catch(() => undefined);

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Leaves the mark while `work` runs, or until the user or the system stops this process. Errors: those of `work`. */
export async function withMark<T>(mark: string, work: () => Promise<T>): Promise<T> {
  await leaveMark(mark, process.pid);
  // An ordinary stop is not a crash of `work`.
  const stop = (signal: NodeJS.Signals) => {
    rmSync(mark, { force: true });
    ignoreSignals();
    // Same as without this handler. Windows has no other way to exit by a signal.
    if (process.listenerCount(signal) === 0)
      process.kill(process.pid, process.platform === 'win32' ? 'SIGKILL' : signal);
  };
  const ignoreSignals = () => signals.forEach((signal) => process.off(signal, stop));
  for (const signal of signals) process.on(signal, stop);
  try {
    return await work();
  } finally {
    ignoreSignals();
    await rm(mark, { force: true }).catch(() => undefined);
  }
}
