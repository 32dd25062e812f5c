import { createHash } from 'node:crypto';
import type { Split } from './manifest.ts';

/** A number in [0, 1) that depends on the seed and the file's path alone, so other files don't move this one. */
function splitNumber(seed: number, path: string): number {
  return createHash('sha256').update(`${seed}\0${path}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

/**
 * Whole files to one side or the other. With two files or more, each side gets at least one: the nearest to the
 * border goes over.
 */
export function assignSplits(paths: readonly string[], seed: number, heldOutShare: number): Split[] {
  const numbers = paths.map((path) => splitNumber(seed, path));
  const splits = numbers.map((number): Split => (number < heldOutShare ? 'held-out' : 'train'));
  if (paths.length < 2) return splits.map(() => 'train');
  if (!splits.includes('held-out')) splits[indexOfBest(numbers, (a, b) => a < b)] = 'held-out';
  if (!splits.includes('train')) splits[indexOfBest(numbers, (a, b) => a > b)] = 'train';
  return splits;
}

function indexOfBest(values: number[], better: (a: number, b: number) => boolean): number {
  return values.reduce((best, value, index) => (better(value, values[best]!) ? index : best), 0);
}

/**
 * Where to cut a single file in two: the line (counted from 0) that the second part begins with, after the blank
 * line nearest to (1 - share) of the text, else at the nearest line. Undefined when there is one line only.
 */
export function cutLine(lines: readonly string[], heldOutShare: number): number | undefined {
  const wanted = lines.length * (1 - heldOutShare);
  let best: { line: number; score: number } | undefined;
  for (let line = 1; line < lines.length; line += 1) {
    // Any blank line within a fifth of the file beats one that isn't blank.
    const blank = !lines[line - 1]!.trim() && Math.abs(line - wanted) < lines.length / 5;
    const score = Math.abs(line - wanted) + (blank ? 0 : lines.length);
    if (!best || score < best.score) best = { line, score };
  }
  return best?.line;
}
