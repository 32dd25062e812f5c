/**
 * A mark on disk while something is tried that may end the whole process. The process that is started then finds it and
 * leaves that alone, instead of ending in the same way.
 */
import { rmSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isRecent } from '../../platform/files/json-cache.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { writeByRename } from '../../platform/files/write-file.ts';
import { isProcessAlive } from '../../runs/index.ts';

/** After this long it is tried again: the machine may be another, by its drivers or its free memory. */
const REMEMBERED_MS = 24 * 3600_000;

/** Whether a process ended while it tried what is marked there, within the last day. */
export async function endedWith(mark: string): Promise<boolean> {
  const found = await stat(mark).catch(() => undefined);
  if (!found || !isRecent(found.mtimeMs, REMEMBERED_MS)) return false;
  const pid = Number(await readText(mark).catch(() => ''));
  return Number.isInteger(pid) && pid > 0 && !isProcessAlive(pid);
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Leaves the mark while `work` runs, or until a person or the system stops this process. Errors: those of `work`. */
export async function whileMarked<T>(mark: string, work: () => Promise<T>): Promise<T> {
  // Without the mark, only the way back is missing.
  await mkdir(dirname(mark), { recursive: true })
    .then(() => writeByRename(mark, `${process.pid}\n`))
    .catch(() => undefined);
  // An ordinary stop is not the doing of what is tried.
  const stop = (signal: NodeJS.Signals) => {
    rmSync(mark, { force: true });
    ignoreSignals();
    // As without this handler. Windows has no other way to end by a signal.
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
