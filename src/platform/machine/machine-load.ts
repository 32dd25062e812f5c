/** Measures how busy other programs keep the processors. */
import { cpus } from 'node:os';

/** Load, in processors, that other programs may cause on a machine that counts as idle. */
export const MAX_BUSY_PROCESSORS = 0.3;

interface Used {
  /** Milliseconds, monotonic. */
  at: number;
  /** Milliseconds of processor time used by all programs, and by this one. */
  all: number;
  own: number;
}

function read(): Used {
  const { user, system } = process.cpuUsage();
  const all = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  return { at: performance.now(), all, own: (user + system) / 1000 };
}

/** Starts measuring. The returned function gives the mean number of processors kept busy by other programs since. */
export function watchLoad(now: () => Used = read): () => number {
  const before = now();
  return () => {
    const after = now();
    const others = after.all - before.all - (after.own - before.own);
    return Math.max(0, others / Math.max(1, after.at - before.at));
  };
}
