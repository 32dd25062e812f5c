/**
 * A program's time, as the reference executor would have counted it. That one ends a program after 3 seconds of real
 * time. Here Python is slower and the machine may be busy, so the clock counts processor time (if it is available)
 * divided by Python's slowness, plus the time that the program has slept, which is not really waited for (boundary.ts).
 */
import { readFileSync } from 'node:fs';

/** CPython in WebAssembly takes 2.6 to 3 times as long as CPython 3.11. */
export const SLOWNESS = 3;
/** A program that waits takes no processor time, so it is ended after this many times its limit of real time. */
const REAL_TIME_FACTOR = 20;
/** Linux counts a thread's processor time in ticks of 10 ms. */
const TICK_MS = 10;

export interface ClockOptions {
  /** The folder in /proc for the program's thread; undefined if there is none. */
  thread: string | undefined;
  /** A single number: milliseconds that the program has slept. */
  slept: Float64Array;
  limitMs: number;
}

/**
 * Calls `onEnd` when the program has used up its time; on a busy machine, that takes more real time. Returns a function
 * that stops the clock.
 */
export function startClock({ thread, slept, limitMs }: ClockOptions, onEnd: () => void): () => void {
  const start = performance.now();
  const cpuTimeAtStart = processorMs(thread);
  let timer: NodeJS.Timeout | undefined;
  const tick = () => {
    const elapsed = performance.now() - start;
    const now = processorMs(thread);
    const cpuTime = cpuTimeAtStart === undefined || now === undefined ? elapsed : now - cpuTimeAtStart;
    const remaining = limitMs - cpuTime / SLOWNESS - slept[0]!;
    if (remaining <= 0 || elapsed > REAL_TIME_FACTOR * limitMs) return onEnd();
    timer = setTimeout(tick, Math.min(100, Math.max(TICK_MS, remaining * SLOWNESS)));
  };
  tick();
  return () => clearTimeout(timer);
}

/** Processor time of the thread so far. */
function processorMs(thread: string | undefined): number | undefined {
  if (!thread) return undefined;
  try {
    // After the thread's name in brackets, which may contain anything, the 12th and 13th fields are user and system
    // time.
    const fields = readFileSync(`${thread}/stat`, 'utf8').split(')').at(-1)!.trim().split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return undefined;
  }
}
