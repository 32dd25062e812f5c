/** Applies offers to texts. */
import type { Offer } from './find.ts';
import type { Replacement } from './edit.ts';
import { endOfLine, startOfLine } from './lines.ts';
import type { Why } from './pattern.ts';

/** The text with the parts replaced. Parts are ordered and don't overlap. */
export function applyParts(text: string, parts: readonly Replacement[]): string {
  let [result, at] = ['', 0];
  for (const part of parts) {
    result += text.slice(at, part.start) + part.text;
    at = part.end;
  }
  return result + text.slice(at);
}

/** The lines that the parts touch, before and after. */
export function shownLines(
  text: string,
  parts: readonly Replacement[],
): { from: number; before: string; after: string } {
  const from = startOfLine(text, parts[0]!.start);
  const before = text.slice(from, endOfLine(text, parts.at(-1)!.end));
  const moved = parts.map((part) => ({ ...part, start: part.start - from, end: part.end - from }));
  return { from, before, after: applyParts(before, moved) };
}

const REASONS_WITH_WHOLE_LINES: ReadonlySet<Why> = new Set(['same-lines', 'same-shape']);

/** The parts as displayed: without the common beginning and end of whole lines. */
export function partsShown(
  text: string,
  { parts, why }: Pick<Offer, 'parts' | 'why'>,
): readonly Replacement[] {
  return REASONS_WITH_WHOLE_LINES.has(why) ? parts.map((part) => withoutCommonEnds(text, part)) : parts;
}

function withoutCommonEnds(text: string, { start, end, text: now }: Replacement): Replacement {
  const was = text.slice(start, end);
  const most = Math.min(was.length, now.length);
  let [head, tail] = [0, 0];
  while (head < most && was[head] === now[head]) head += 1;
  while (tail < most - head && was.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  // Don't split a surrogate pair.
  if (head > 0 && /[\uD800-\uDBFF]/.test(was[head - 1]!)) head -= 1;
  if (tail > 0 && /[\uDC00-\uDFFF]/.test(was[was.length - tail]!)) tail -= 1;
  return { start: start + head, end: end - tail, text: now.slice(head, now.length - tail) };
}
