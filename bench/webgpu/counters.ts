/** Counts what a step asks of the GPU: dispatches, bytes that kernels are bound to, and time on the host. */
import { readFileSync } from 'node:fs';

interface Bound {
  storage: { capacity: number };
  begin?: number;
  bytes?: number;
  used?: number;
}

/** What is counted of `Gpu`; its other arguments are passed on. */
export interface Counted {
  run(...args: never[]): void;
  read(...args: never[]): Promise<ArrayBuffer>;
}

export interface Counts {
  dispatches: number;
  /** What kernels need of their buffers, once for each dispatch. */
  bytes: number;
  /** Milliseconds of `hostMs` in which the host waited for the GPU. */
  waited: number;
}

/**
 * Milliseconds of the main thread. On Linux its processor time, so that other programs don't count; elsewhere the time on
 * the clock.
 */
export function hostMs(): number {
  try {
    // The first number: nanoseconds on a processor.
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

/** Bytes that a dispatch needs of its buffers. What a kernel was not given is undefined. */
export const neededBytes = (bindings: Record<string, Bound | undefined>): number =>
  Object.values(bindings)
    .filter((bound) => bound !== undefined)
    .reduce((sum, { storage, begin = 0, bytes = storage.capacity - begin, used = bytes }) => sum + used, 0);

/** Counts what this GPU does from now on. */
export function countOn(gpu: Counted): Counts {
  const counts: Counts = { dispatches: 0, bytes: 0, waited: 0 };
  const [run, read] = [gpu.run.bind(gpu), gpu.read.bind(gpu)];
  gpu.run = (...args) => {
    counts.dispatches += 1;
    counts.bytes += neededBytes(args[1] as unknown as Record<string, Bound | undefined>);
    run(...args);
  };
  gpu.read = async (...args) => {
    const startedAt = hostMs();
    try {
      return await read(...args);
    } finally {
      counts.waited += hostMs() - startedAt;
    }
  };
  return counts;
}
