/**
 * A program's time, as the reference executor would have counted it. There, 3 seconds of the clock end a program. Here
 * Python is slower and the machine may be busy, so what counts is time of the processor, where it can be had, by Python's
 * slowness; and what the program has slept, which nobody waits for (boundary.ts).
 */
import { readFileSync } from 'node:fs';

/** CPython in WebAssembly takes 2.4 times as long as CPython. */
export const SLOWNESS = 2.5;
/** A program that waits takes no processor, so the clock ends it after this many times its limit. */
const PATIENCE = 20;
/** Linux counts a thread's time in ticks of 10 ms. */
const TICK_MS = 10;

export interface Clocked {
  /** Where Linux tells of the program's thread. */
  thread: string | undefined;
  /** One number: the milliseconds that the program has slept. */
  slept: Float64Array;
  limitMs: number;
}

/** Calls `onEnd` when the program has had its time: on a busy machine that is later than the clock says. */
export function startClock({ thread, slept, limitMs }: Clocked, onEnd: () => void): () => void {
  const began = performance.now();
  const before = processorMs(thread);
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const elapsed = performance.now() - began;
    const now = processorMs(thread);
    const worked = before === undefined || now === undefined ? elapsed : now - before;
    const left = limitMs - worked / SLOWNESS - slept[0]!;
    if (left <= 0 || elapsed > PATIENCE * limitMs) return onEnd();
    timer = setTimeout(look, Math.min(100, Math.max(TICK_MS, left * SLOWNESS)));
  };
  look();
  return () => clearTimeout(timer);
}

/** What the thread has taken of a processor so far. */
function processorMs(thread: string | undefined): number | undefined {
  if (!thread) return undefined;
  try {
    // After the name, which may hold anything, in brackets: the 12th and 13th field are user and system time.
    const fields = readFileSync(`${thread}/stat`, 'utf8').split(')').at(-1)!.trim().split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return undefined;
  }
}
