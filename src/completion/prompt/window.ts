/**
 * Limits a document to a window around the cursor, so that a keystroke in a 10 MB file costs no more than in a small
 * one.
 */
import { wholeCharacter } from '../code/text.ts';
import type { CursorDocument } from '../types.ts';

const WINDOW = { before: 64 * 1024, after: 16 * 1024 };
/** Characters at the cursor that decide whether two places are the same. */
export const NEARBY_CHARACTERS = 256;

/** A document cut to the window around its cursor; `hidden` counts the characters beyond it. */
export function cutToWindow<D extends CursorDocument>(document: D): D {
  const { before, after, hidden = { before: 0, after: 0 } }: CursorDocument = document;
  const from = before.length > WINDOW.before ? lineStart(before, before.length - WINDOW.before) : 0;
  const to = after.length > WINDOW.after ? wholeCharacter(after, WINDOW.after) : after.length;
  return {
    ...document,
    before: before.slice(from),
    after: after.slice(0, to),
    hidden: { before: hidden.before + from, after: hidden.after + after.length - to },
  };
}

/** Index of the next line start, or of the next character if there is no other line. */
function lineStart(text: string, at: number): number {
  const line = text.indexOf('\n', at);
  return line < 0 ? wholeCharacter(text, at) : line + 1;
}

/** Number of characters before and after the cursor, including hidden ones. */
export const fullLengths = ({ before, after, hidden }: CursorDocument) => ({
  before: before.length + (hidden?.before ?? 0),
  after: after.length + (hidden?.after ?? 0),
});

/** How the text before the cursor changed: not at all, by deleting its end, or in another way. */
export function changeOf(last: CursorDocument, now: CursorDocument): 'none' | 'deleted' | 'other' {
  const was = fullLengths(last);
  const is = fullLengths(now);
  const removed = was.before - is.before;
  if (removed < 0 || removed > last.before.length) return 'other';
  const kept = last.before.slice(0, last.before.length - removed);
  if (kept.slice(-NEARBY_CHARACTERS) !== now.before.slice(-NEARBY_CHARACTERS)) return 'other';
  if (removed === 0) return 'none';
  return was.after <= is.after ? 'deleted' : 'other';
}

/** Whether the editor may have added these characters after the cursor: closers of brackets and quotes that were typed. */
export const areClosers = (added: string): boolean => added.length <= 8 && !/[\p{L}\p{N}_\r\n]/u.test(added);

/**
 * What was typed at the cursor between two states of a document, with "\n" as line end; undefined if anything else
 * changed. If brackets or quotes were typed, the editor may have added their closers.
 */
export function typedBetween(from: CursorDocument, to: CursorDocument): string | undefined {
  if (from.path !== to.path) return undefined;
  const [was, is] = [fullLengths(from), fullLengths(to)];
  const typed = is.before - was.before;
  const added = is.after - was.after;
  if (added < 0 || typed < added || typed > to.before.length) return undefined;
  if (!areClosers(to.after.slice(0, added))) return undefined;
  const at = to.before.length - typed;
  const isSame =
    to.before.slice(Math.max(0, at - NEARBY_CHARACTERS), at) === from.before.slice(-NEARBY_CHARACTERS) &&
    to.after.slice(added, added + NEARBY_CHARACTERS) === from.after.slice(0, NEARBY_CHARACTERS);
  return isSame ? to.before.slice(at).replaceAll('\r\n', '\n') : undefined;
}
