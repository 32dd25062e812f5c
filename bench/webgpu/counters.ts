/** Counts the GPU work of a step: dispatches, bytes bound to kernels, and host time. */
import { readFileSync } from 'node:fs';

interface Bound {
  storage: { capacity: number };
  begin?: number;
  bytes?: number;
  used?: number;
}

/** The methods of `Gpu` that are wrapped. */
interface Counted {
  run(...args: never[]): void;
  read(...args: never[]): Promise<ArrayBuffer>;
}

interface Counts {
  dispatches: number;
  /** Bytes that kernels access in their buffers, once per dispatch. */
  bytes: number;
  /** Milliseconds of `hostMs` spent waiting for the GPU. */
  waited: number;
}

/**
 * Milliseconds of the main thread: on Linux its processor time, which does not depend on load; elsewhere wall time.
 */
export function hostMs(): number {
  try {
    // The first field: nanoseconds on a processor.
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

/** Bytes that a dispatch accesses in its buffers. Unused buffers are undefined. */
export const neededBytes = (bindings: Record<string, Bound | undefined>): number =>
  Object.values(bindings)
    .filter((bound) => bound !== undefined)
    .reduce((sum, { storage, begin = 0, bytes = storage.capacity - begin, used = bytes }) => sum + used, 0);

/** Starts counting what this GPU does. */
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
