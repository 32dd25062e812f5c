/** An inter-process lock on a path. If its owner dies, the lock is free again after 10 s. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import { downloadCancelled } from '../../text/errors.ts';

interface LockOptions {
  signal?: AbortSignal | undefined;
  /** Called once if it has to wait. */
  onProgress?:
    | ((progress: { phase: 'waiting'; what: string; done: number; total: number }) => void)
    | undefined;
  /** What it waits for, for display. */
  waitsFor?: string;
}

/** Why the signal of `withLock` aborted: another process may hold the lock now, and work on the same files. */
class LockLost extends Error {
  override readonly name = 'LockLost';
}

export const hasLostLock = (signal: AbortSignal | undefined): boolean => signal?.reason instanceof LockLost;

/** On disks with coarse timestamps, the library repeatedly reports the lock as lost. */
const MAX_LOSSES = 3;

/**
 * Runs `work` while holding `path`.lock. A process that stands still for 10 s, as while the machine sleeps, loses the
 * lock: then `work`'s signal aborts, and if `work` fails, it is run again with the lock. Throws UserError `cancelled`.
 */
export async function withLock<T>(
  path: string,
  work: (signal: AbortSignal) => Promise<T>,
  { signal, onProgress, waitsFor = 'another process is at work' }: LockOptions = {},
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  let waited = false;
  for (let losses = 0; ;) {
    if (signal?.aborted) throw downloadCancelled();
    const lost = new AbortController();
    let release: () => Promise<void>;
    try {
      release = await lockfile.lock(path, {
        realpath: false,
        stale: 10_000,
        update: 2_000,
        onCompromised: () => losses < MAX_LOSSES && lost.abort(new LockLost()),
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      if (!waited) onProgress?.({ phase: 'waiting', what: waitsFor, done: 0, total: 0 });
      waited = true;
      await sleep(300);
      continue;
    }
    try {
      return await work(signal ? AbortSignal.any([signal, lost.signal]) : lost.signal);
    } catch (error) {
      if (!lost.signal.aborted || signal?.aborted) throw error;
      losses += 1;
    } finally {
      await release().catch(() => undefined);
    }
  }
}
