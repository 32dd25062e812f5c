/**
 * Integration test files run side by side and start processes with a thread per core. A training takes several times as
 * long if its threads wait for each other on cores that another file keeps busy. So each file, with all its child
 * processes, is pinned to its own cores if Linux has taskset.
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { expect } from 'vitest';

const SIDE_BY_SIDE = 2;
/** These files test threads and compute only briefly. */
const threaded = /(backend|compound|golden)[^/]*\.test\.ts$/;

const cores = Math.floor(availableParallelism() / SIDE_BY_SIDE);
if (process.platform === 'linux' && cores > 0 && !threaded.test(expect.getState().testPath ?? '')) {
  const first = (Number(process.env['VITEST_POOL_ID'] ?? 1) % SIDE_BY_SIDE) * cores;
  try {
    const list = `${first}-${first + cores - 1}`;
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', list, String(process.pid)], {
      stdio: 'ignore',
    });
  } catch {
    // Without taskset, tests take longer.
  }
}
