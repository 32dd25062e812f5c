/**
 * Fill-in-the-middle (Bavarian et al. 2022), cut and arranged as in completion: prefix, suffix, middle (PSM), with as
 * much context on both sides as an editor's budget allows.
 */
import { partialToken } from '../../completion/code/partial-token.ts';
import { chooseSpan, type Draw, type Span } from './spans.ts';

export interface FimTokens {
  prefix: number;
  suffix: number;
  middle: number;
}

export interface FimCut<T = string> {
  prefix: T;
  middle: T;
  suffix: T;
}

/** A file, or the part of it that is visible. */
export interface VisibleText {
  text: string;
  /** The text begins in the middle of its file. */
  hiddenBefore: boolean;
  /** The file continues after the text. */
  hiddenAfter: boolean;
}

/** Shorter texts are not cut; in characters. */
const MIN_CHARACTERS = 100;
/**
 * Characters after the cursor that an editor sends (completion/prompt/context.ts), and their maximum share of a short
 * text.
 */
const MAX_SUFFIX = 600;
const MAX_SUFFIX_SHARE = 1 / 3;
/** If the file continues, at least this fraction of them is present. */
const MIN_SUFFIX_SHARE = 1 / 3;

/** Cuts at a place where a completion might have been requested; undefined if there is none. */
export function cutForFim(visible: VisibleText, draw: Draw): FimCut | undefined {
  // As in the editor, the text after the cursor ends with a line.
  const end = visible.hiddenAfter ? visible.text.lastIndexOf('\n') : -1;
  const text = end < 0 ? visible.text : visible.text.slice(0, end);
  if (text.length < MIN_CHARACTERS) return undefined;
  const largest = visible.hiddenBefore ? Math.min(MAX_SUFFIX, text.length * MAX_SUFFIX_SHARE) : MAX_SUFFIX;
  const smallest = visible.hiddenAfter ? largest * MIN_SUFFIX_SHARE : 0;
  // With nothing after the cursor, completion does not use fill-in-the-middle.
  const to = Math.min(text.length - smallest, text.trimEnd().length - 1);
  const span = chooseSpan(text, { from: text.length - largest, to }, draw);
  return span && cutAtSpan(text, span);
}

/** A partial token before the cursor belongs to the middle, because the model generates it again in completion. */
export function cutAtSpan(text: string, { from, to }: Span): FimCut {
  const cursor = from - partialToken(text.slice(0, from)).length;
  return { prefix: text.slice(0, cursor), middle: text.slice(cursor, to), suffix: text.slice(to) };
}

/** The suffix's share of the room if both sides are too long (as in serving/tokens/prompt-tokens.ts). */
const SUFFIX_SHARE = 0.25;

/** Truncates the far ends, so that prefix and suffix together have at most `room` tokens. */
export function truncateCut(
  { prefix, middle, suffix }: FimCut<Int32Array>,
  room: number,
): FimCut<Int32Array> {
  const after = suffix.subarray(0, Math.max(room - prefix.length, Math.floor(room * SUFFIX_SHARE)));
  const before = prefix.subarray(Math.max(0, prefix.length - (room - after.length)));
  return { prefix: before, middle, suffix: after };
}
