/**
 * Fill-in-the-middle (Bavarian et al. 2022), cut and laid out as in completion: prefix, suffix, middle (PSM), with as
 * much text on both sides as an editor's budget allows.
 */
import { partialToken } from '../../completion/code/partial-token.ts';
import { chooseSpan, type Draw, type Span } from './spans.ts';

export interface FimTokens {
  prefix: number;
  suffix: number;
  middle: number;
}

export interface Cut<T = string> {
  prefix: T;
  middle: T;
  suffix: T;
}

/** A file, or the part of it that is visible. */
export interface View {
  text: string;
  /** The text begins in the middle of its file. */
  hiddenBefore: boolean;
  /** The file continues after the text. */
  hiddenAfter: boolean;
}

/** A shorter text is not cut; in characters. */
const SHORTEST = 100;
/** Characters after the cursor that an editor sends (completion/prompt/context.ts), and their share of a short view. */
const MOST_AFTER = 600;
const SHARE_AFTER = 1 / 3;
/** If the file continues, at least this share of them is there. */
const LEAST_AFTER = 1 / 3;

/** Cuts at a place where a completion might have been requested; undefined if there is none. */
export function cutForFim(view: View, draw: Draw): Cut | undefined {
  // As in the editor, the text after the cursor ends with a line.
  const end = view.hiddenAfter ? view.text.lastIndexOf('\n') : -1;
  const text = end < 0 ? view.text : view.text.slice(0, end);
  if (text.length < SHORTEST) return undefined;
  const most = view.hiddenBefore ? Math.min(MOST_AFTER, text.length * SHARE_AFTER) : MOST_AFTER;
  const least = view.hiddenAfter ? most * LEAST_AFTER : 0;
  // With nothing after the cursor, completion does not use fill-in-the-middle.
  const to = Math.min(text.length - least, text.trimEnd().length - 1);
  const span = chooseSpan(text, { from: text.length - most, to }, draw);
  return span && cutAt(text, span);
}

/** A token that is only begun before the cursor belongs to the middle: in completion the model generates it again. */
export function cutAt(text: string, { from, to }: Span): Cut {
  const cursor = from - partialToken(text.slice(0, from)).length;
  return { prefix: text.slice(0, cursor), middle: text.slice(cursor, to), suffix: text.slice(to) };
}

/** The suffix's share of the room if both sides are too long (as in serving/tokens/prompt-tokens.ts). */
const SUFFIX_SHARE = 0.25;

/** Cuts off the ends far from the cursor, so that prefix and suffix together have at most `room` tokens. */
export function fitCut({ prefix, middle, suffix }: Cut<Int32Array>, room: number): Cut<Int32Array> {
  const after = suffix.subarray(0, Math.max(room - prefix.length, Math.floor(room * SUFFIX_SHARE)));
  const before = prefix.subarray(Math.max(0, prefix.length - (room - after.length)));
  return { prefix: before, middle, suffix: after };
}
