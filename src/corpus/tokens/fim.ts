/**
 * Fill-in-the-middle (Bavarian et al. 2022), cut and laid out as completion asks: prefix, suffix, middle (PSM), from
 * what an editor's budget shows of both sides.
 */
import { begunToken } from './begun-token.ts';
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

/** A file, or what can be seen of it. */
export interface View {
  text: string;
  /** It begins in the middle of its file. */
  hiddenBefore: boolean;
  /** The file goes on after it. */
  hiddenAfter: boolean;
}

/** Less is learned as it stands. */
const SHORTEST = 100;
/** Characters after the cursor that an editor shows (completion/context.ts), and their share of a short view. */
const MOST_AFTER = 600;
const SHARE_AFTER = 1 / 3;
/** Of a file that goes on, as large a share of that is there in any case. */
const LEAST_AFTER = 1 / 3;

/** Cuts where a completion might have been asked for; undefined where there is no such place. */
export function cutForFim(view: View, draw: Draw): Cut | undefined {
  // As in the editor, what follows the cursor ends with a line.
  const end = view.hiddenAfter ? view.text.lastIndexOf('\n') : -1;
  const text = end < 0 ? view.text : view.text.slice(0, end);
  if (text.length < SHORTEST) return undefined;
  const most = view.hiddenBefore ? Math.min(MOST_AFTER, text.length * SHARE_AFTER) : MOST_AFTER;
  const least = view.hiddenAfter ? most * LEAST_AFTER : 0;
  // With nothing after the cursor, completion asks without fill-in-the-middle.
  const to = Math.min(text.length - least, text.trimEnd().length - 1);
  const span = chooseSpan(text, { from: text.length - most, to }, draw);
  return span && cutAt(text, span);
}

/** The token that the cursor may stand in belongs to the middle: completion has the model write it anew. */
export function cutAt(text: string, { from, to }: Span): Cut {
  const cursor = from - begunToken(text.slice(0, from)).length;
  return { prefix: text.slice(0, cursor), middle: text.slice(cursor, to), suffix: text.slice(to) };
}

/** Share that the text after the cursor may have of the room, when both sides are too long (serving/prompt-tokens.ts). */
const SUFFIX_SHARE = 0.25;

/** Cuts off far ends, so that prefix and suffix have at most `room` tokens together. */
export function fitCut({ prefix, middle, suffix }: Cut<Int32Array>, room: number): Cut<Int32Array> {
  const after = suffix.subarray(0, Math.max(room - prefix.length, Math.floor(room * SUFFIX_SHARE)));
  const before = prefix.subarray(Math.max(0, prefix.length - (room - after.length)));
  return { prefix: before, middle, suffix: after };
}
