/** Where a completion says again what stands after the cursor already. */
import { similar } from './repetition.ts';
import { firstLine, isBlank, isPunctuation, linesBelow } from './text.ts';

/** Lines below that a completion is compared with. */
const LOOK_AHEAD = 12;

/** Cuts the end of the last line where it overlaps the rest of the cursor's line. */
export function cutRestOfLine(text: string, after: string): string {
  const rest = firstLine(after).trim();
  if (!rest) return text;
  // Over one line only: what a block adds below its first line stands before the rest all the same.
  for (let length = Math.min(rest.length, text.length); length > 0; length -= 1)
    if (text.endsWith(rest.slice(0, length))) return text.slice(0, text.length - length);
  return text;
}

/**
 * Cuts lines at the end that follow the cursor already. A completion whose lines all follow already is nothing.
 * Returns undefined if it only says again what comes next.
 */
export function cutLinesBelow(text: string, after: string): string | undefined {
  const below = linesBelow(after, LOOK_AHEAD);
  const next = below[0];
  if (next === undefined) return text;
  const lines = text.split('\n');
  const spoken = lines.filter((line) => !isBlank(line));
  if (
    spoken.length > 0 &&
    spoken.every((line, index) => similar(line, below[index] ?? '')) &&
    !spoken.every(isPunctuation)
  )
    return undefined;
  const from = lines.findIndex((_, index) => index > 0 && meets(lines.slice(index), below));
  return from < 0 ? text : lines.slice(0, from).join('\n');
}

/** Whether these lines are the next ones below, said again. */
function meets(lines: readonly string[], below: readonly string[]): boolean {
  const spoken = lines.filter((line) => !isBlank(line));
  if (spoken.length === 0 || spoken.length > below.length) return false;
  // The last line may have been cut short by the token limit.
  return (
    spoken.every((line, index) => {
      const other = below[index] ?? '';
      const last = index === spoken.length - 1;
      return (
        similar(line, other) ||
        (last && spoken.length > 1 && !isPunctuation(line) && other.trim().startsWith(line.trim()))
      );
    }) &&
    (spoken.length > 1 || sameIndent(spoken[0] ?? '', below[0] ?? ''))
  );
}

/** A lone closing line is the one below only if it stands in the same column. */
function sameIndent(line: string, other: string): boolean {
  return !isPunctuation(line) || /^\s*/.exec(line)?.[0] === /^\s*/.exec(other)?.[0];
}
