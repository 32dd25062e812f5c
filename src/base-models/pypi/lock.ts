/** One process at a time on a path; the others wait. A lock whose owner died is taken over after 10 s. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import { cancelled } from './python.ts';

/** Runs `work` while holding `path`.lock. `onWait` is called once when somebody else holds it. */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  options: { signal?: AbortSignal | undefined; onWait?: () => void } = {},
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  let waited = false;
  for (;;) {
    if (options.signal?.aborted) throw cancelled();
    let release: () => Promise<void>;
    try {
      // A lock lost while the machine slept: what it guards is written by rename, so going on harms nobody.
      release = await lockfile.lock(path, {
        realpath: false,
        stale: 10_000,
        update: 2_000,
        onCompromised: () => undefined,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      if (!waited) options.onWait?.();
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
