/** Detects repetitive text. */
import { distance } from 'fastest-levenshtein';
import { isBlank } from '../code/text.ts';

/** Longest looping block, in lines. */
const MAX_BLOCK_LENGTH = 6;
/** A block of at least this many characters must not occur twice in a row; a shorter one (`0,`) may. */
const SIGNIFICANT = 12;
/** From this length on, a repeated piece within a line is a loop, not a table or a divider. */
const LOOP_LENGTH = 24;
const LOOP_TIMES = 4;

/** Whether a person would call two lines the same: at most a twentieth of their characters differ. */
export function similar(a: string, b: string): boolean {
  const left = a.trim();
  const right = b.trim();
  if (left === right) return true;
  const longer = Math.max(left.length, right.length);
  return longer >= 20 && longer < 400 && distance(left, right) <= longer * 0.05;
}

/** Cuts a text where it begins to loop; the rest may be empty. */
export function cutLoops(text: string): string {
  const lines = text.split('\n');
  const loop = firstLoop(lines);
  const kept = (loop < 0 ? lines : lines.slice(0, loop)).join('\n');
  return endsInLoop(kept) ? '' : kept;
}

/** Index of the line where a block is immediately repeated, or -1; the text may end inside the repetition. */
function firstLoop(lines: readonly string[]): number {
  for (let at = 0; at < lines.length; at += 1) {
    for (let size = 1; size <= MAX_BLOCK_LENGTH && at + size < lines.length; size += 1) {
      const block = lines.slice(at, at + size);
      const times = block.join('').trim().length >= SIGNIFICANT ? 2 : 3;
      if (!isBlank(block[0] ?? '') && isRepeated(lines, at, size, times)) return at + size;
    }
  }
  return -1;
}

/**
 * Whether the `size` lines at `at` occur `times` times in a row. A truncated last line counts if at least half of it
 * agrees.
 */
function isRepeated(lines: readonly string[], at: number, size: number, times: number): boolean {
  const end = at + size * times;
  if (end > lines.length) return false;
  for (let index = at + size; index < end; index += 1) {
    // The first line begins at the cursor, without indentation.
    const bare = (line = '') => (index === size ? line.trimStart() : line);
    const [line, before] = [bare(lines[index]), bare(lines[index - size])];
    const truncated =
      index === lines.length - 1 && before.startsWith(line) && line.length >= before.length / 2;
    if (line !== before && !truncated) return false;
  }
  return true;
}

/** Whether the text ends with repetitions of a short piece that contains a letter or digit. */
function endsInLoop(text: string): boolean {
  for (let period = 1; period <= 40; period += 1) {
    const length = Math.max(LOOP_LENGTH, period * LOOP_TIMES);
    if (length > text.length) break;
    const tail = text.slice(-length);
    if (/[\p{L}\p{N}]/u.test(tail) && tail.slice(period) === tail.slice(0, -period)) return true;
  }
  return false;
}
