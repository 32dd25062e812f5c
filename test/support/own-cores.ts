/**
 * Files of integration tests run side by side, and each starts processes with a thread for every core. Threads that wait
 * for each other on a core that another file keeps busy make a training take several times as long. So each file, with all
 * that it starts, keeps to cores of its own, where Linux has the program for that.
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { expect } from 'vitest';

const SIDE_BY_SIDE = 2;
/** These are about threads: they compute a moment only. */
const threaded = /(engine|compound|golden)[^/]*\.test\.ts$/;

const cores = Math.floor(availableParallelism() / SIDE_BY_SIDE);
if (process.platform === 'linux' && cores > 0 && !threaded.test(expect.getState().testPath ?? '')) {
  const first = (Number(process.env['VITEST_POOL_ID'] ?? 1) % SIDE_BY_SIDE) * cores;
  try {
    const list = `${first}-${first + cores - 1}`;
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', list, String(process.pid)], {
      stdio: 'ignore',
    });
  } catch {
    // Without it tests take longer.
  }
}
