import { createHash } from 'node:crypto';

/**
 * A number in [0, 1) that depends only on the seed and the document, so that other documents never change its split.
 */
export function splitNumber(seed: number, key: string): number {
  return createHash('sha256').update(`${seed}\0${key}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

/**
 * Where to cut a file in two: the first line (from 0) of the second part. Prefers the line after the blank line nearest
 * to (1 - share) of the text, else the nearest line. Undefined if there is only one line.
 */
export function cutLine(lines: readonly string[], heldOutShare: number): number | undefined {
  const target = lines.length * (1 - heldOutShare);
  let best: { line: number; score: number } | undefined;
  for (let line = 1; line < lines.length; line += 1) {
    // A blank line within a fifth of the file is preferred to any other line.
    const blank = !lines[line - 1]!.trim() && Math.abs(line - target) < lines.length / 5;
    const score = Math.abs(line - target) + (blank ? 0 : lines.length);
    if (!best || score < best.score) best = { line, score };
  }
  return best?.line;
}
