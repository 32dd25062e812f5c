/** Measures how busy other programs keep the processors. */
import { cpus } from 'node:os';

/** Processors that other programs may keep busy on a machine with nothing else to do. */
export const MAX_BUSY_PROCESSORS = 0.3;

interface Used {
  /** Milliseconds, monotonic. */
  at: number;
  /** Milliseconds of processor time: of all programs, and of this one. */
  all: number;
  own: number;
}

function read(): Used {
  const { user, system } = process.cpuUsage();
  const all = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  return { at: performance.now(), all, own: (user + system) / 1000 };
}

/** Returns a function that gives the mean number of processors that other programs have kept busy since then. */
export function watchLoad(now: () => Used = read): () => number {
  const before = now();
  return () => {
    const after = now();
    const others = after.all - before.all - (after.own - before.own);
    return Math.max(0, others / Math.max(1, after.at - before.at));
  };
}
