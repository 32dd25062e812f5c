/**
 * A program's time, in processor time where it can be had: on a busy machine the clock would end programs that are only
 * kept waiting, and verdicts would depend on what else runs.
 */
import { readFileSync } from 'node:fs';

/** A program that waits takes no processor, so the clock ends it after this many times its limit. */
const PATIENCE = 8;
/** Linux counts a thread's time in ticks of 10 ms. */
const TICK_MS = 10;

/** Calls `onEnd` when the thread has had its time: on a busy machine that is later than the clock says. */
export function startClock(thread: string | undefined, limitMs: number, onEnd: () => void): () => void {
  const began = performance.now();
  const before = processorMs(thread);
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const elapsed = performance.now() - began;
    const now = processorMs(thread);
    const used = before === undefined || now === undefined ? elapsed : now - before;
    const left = Math.min(limitMs - used, PATIENCE * limitMs - elapsed);
    if (left > 0) timer = setTimeout(look, Math.max(TICK_MS, left));
    else onEnd();
  };
  timer = setTimeout(look, limitMs);
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
