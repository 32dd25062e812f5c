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
    ((progress: { phase: 'waiting'; what: string; done: number; total: number }) => void) | undefined;
  /** What it waits for, for display. */
  waitsFor?: string;
}

/** Runs `work` while holding `path`.lock. Throws UserError `cancelled`. */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  { signal, onProgress, waitsFor = 'another process is at work' }: LockOptions = {},
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  let waited = false;
  for (;;) {
    if (signal?.aborted) throw downloadCancelled();
    let release: () => Promise<void>;
    try {
      // The lock can be lost while the machine sleeps. Continuing is safe, because protected files are written by
      // rename.
      release = await lockfile.lock(path, {
        realpath: false,
        stale: 10_000,
        update: 2_000,
        onCompromised: () => undefined,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      if (!waited) onProgress?.({ phase: 'waiting', what: waitsFor, done: 0, total: 0 });
      waited = true;
      await sleep(300);
      continue;
    }
    try {
      return await work();
    } finally {
      await release().catch(() => undefined);
    }
  }
}
