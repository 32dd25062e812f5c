import { createHash } from 'node:crypto';

/** A number in [0, 1) that depends on the seed and one document alone, so others don't move it to the other side. */
export function splitNumber(seed: number, key: string): number {
  return createHash('sha256').update(`${seed}\0${key}`).digest().readUIntBE(0, 6) / 2 ** 48;
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
