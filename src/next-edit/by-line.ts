/** Splits edits of several lines into single-line edits, if each line became exactly one other. */
import { MAX_LINES, type Edit } from './edit.ts';

/** Minimum share of a line's words and signs that stay; otherwise the two lines don't correspond. */
const MIN_KEPT_SHARE = 0.4;

/** The edits of the changed lines, or the edit itself if its lines don't correspond one to one. */
export function byLine(edit: Edit): Edit[] {
  const [old, now] = [edit.before.split('\n'), edit.after.split('\n')];
  if (old.length < 2 || old.length !== now.length || old.length > MAX_LINES) return [edit];
  let { at } = edit;
  const edits = old.flatMap((before, index) => {
    const after = now[index]!;
    const begin = at;
    at += after.length + 1;
    return before === after ? [] : [{ ...edit, at: begin, before, after }];
  });
  return edits.every(({ before, after }) => similarity(before, after) >= MIN_KEPT_SHARE) ? edits : [edit];
}

/** Words and signs of a line. */
const piecesOf = (line: string): string[] => line.match(/[\p{L}\p{N}_$]+|[^\s\p{L}\p{N}_$]/gu) ?? [];

/** Similarity of two lines, from 0 to 1 (Dice's coefficient of their words and signs). */
function similarity(a: string, b: string): number {
  const counts = new Map<string, number>();
  const [of, with_] = [piecesOf(a), piecesOf(b)];
  for (const piece of of) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  let same = 0;
  for (const piece of with_) {
    const left = counts.get(piece) ?? 0;
    if (left > 0) same += 1;
    counts.set(piece, left - 1);
  }
  return of.length + with_.length === 0 ? 0 : (2 * same) / (of.length + with_.length);
}
