/** How many processors are available: a container often grants fewer than the machine has. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/**
 * Processors available to this process, limited by its CPU affinity, its cgroup's quota, and FORGET_ME_NOT_PROCESSORS
 * (with which tasks on a cluster node share its processors).
 */
export const usableProcessors = (): number =>
  Math.min(availableParallelism(), quota('/'), share(process.env['FORGET_ME_NOT_PROCESSORS']));

/** Parses a number of processors, at least 1; Infinity if absent. */
export function share(text: string | undefined): number {
  const asked = Number(text || NaN);
  return asked > 0 ? Math.max(1, Math.floor(asked)) : Infinity;
}

/**
 * The CPU quota of this process's cgroup and its ancestors, in processors, rounded up; Infinity without a limit. Reads
 * cgroup v2 (cpu.max) and v1 (cpu.cfs_quota_us) below `root`.
 */
export function quota(root: string): number {
  const read = (...path: string[]): string => {
    try {
      return readFileSync(join(root, ...path), 'utf8').trim();
    } catch {
      return '';
    }
  };
  let least = Infinity;
  for (const line of read('proc/self/cgroup').split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers && !controllers.split(',').includes('cpu')) continue;
    // In a container, the path may be the host's and not exist here; then the mount's root is the container's cgroup.
    for (const group of ancestors(path)) {
      const [granted, period] = controllers
        ? [read(V1, group, 'cpu.cfs_quota_us'), read(V1, group, 'cpu.cfs_period_us')]
        : read(V2, group, 'cpu.max').split(' ');
      // "max" and -1 mean no limit.
      const processors = Number(granted || NaN) / Number(period || NaN);
      if (processors > 0) least = Math.min(least, Math.ceil(processors));
    }
  }
  return least;
}

const V1 = 'sys/fs/cgroup/cpu';
const V2 = 'sys/fs/cgroup';

/** "/a/b": "/a/b", "/a" and "/". */
function ancestors(path: string): string[] {
  const names = path.split('/').filter((name) => name && name !== '..');
  return names.map((_, index) => names.slice(0, names.length - index).join('/')).concat('');
}
