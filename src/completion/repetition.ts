/** Text that goes round in circles. */
import { distance } from 'fastest-levenshtein';
import { isBlank } from './text.ts';

/** Lines equal to the one before, from which on it is a loop. */
const SAME_LINES = 3;
/** Characters from which on a repeated piece within a line is a loop, not a table or a divider. */
const LOOP_LENGTH = 24;
const LOOP_TIMES = 4;

/** Two lines that a person would call the same: at most a twentieth of their characters differ. */
export function similar(a: string, b: string): boolean {
  const left = a.trim();
  const right = b.trim();
  if (left === right) return true;
  const longer = Math.max(left.length, right.length);
  return longer >= 20 && longer < 400 && distance(left, right) <= longer * 0.05;
}

/** Cuts a text where it begins to loop; what is left may be nothing. */
export function cutLoops(text: string): string {
  const lines = text.split('\n');
  const loop = firstLoop(lines);
  const kept = (loop < 0 ? lines : lines.slice(0, loop)).join('\n');
  return endsInLoop(kept) ? '' : kept;
}

/** Index of the first repetition of a block of one to three lines that comes `SAME_LINES` times in a row. */
function firstLoop(lines: readonly string[]): number {
  for (let size = 1; size <= 3; size += 1) {
    const block = (at: number) => lines.slice(at, at + size).join('\n');
    for (let at = 0; at + size * SAME_LINES <= lines.length; at += 1) {
      const first = block(at);
      if (isBlank(first)) continue;
      const again = Array.from({ length: SAME_LINES - 1 }, (_, turn) => block(at + size * (turn + 1)));
      if (again.every((other) => other === first)) return at + size;
    }
  }
  return -1;
}

/** Whether a short piece with a letter or digit in it repeats to the very end. */
function endsInLoop(text: string): boolean {
  for (let period = 1; period <= 40; period += 1) {
    const length = Math.max(LOOP_LENGTH, period * LOOP_TIMES);
    if (length > text.length) break;
    const tail = text.slice(-length);
    if (/[\p{L}\p{N}]/u.test(tail) && tail.slice(period) === tail.slice(0, -period)) return true;
  }
  return false;
}
