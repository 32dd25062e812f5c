/** The keys with which a text is typed, and their timing. Pure. */
import { mix, mixText } from '../../src/statistics/random.ts';

/**
 * Milliseconds before a key: within a word, a keystroke (K) of an average skilled typist (Card, Moran & Newell 1980);
 * after a space or punctuation, between K and that of random letters (500; there), which is uncertain.
 */
export const RHYTHM = { word: 200, mark: 300 };
/**
 * Milliseconds of thinking before the first key of a line, and before one word in `words`. No source; never counted as
 * saved, but decides when suggestions appear that wait for a rest.
 */
export const THINKING = { line: 2000, word: 1000, words: 4 };

/** The text entered by the next key: a character, or a line break with the editor's indentation. */
export function keyAt(text: string, at: number): string {
  if (text[at] === '\n') return /^\n[ \t]*/.exec(text.slice(at))![0];
  const indent = atLineStart(text, at) ? /^[ \t]+/.exec(text.slice(at))?.[0] : undefined;
  return indent ?? text[at]!;
}

/** Milliseconds for a key, without thinking. */
const keyTime = (text: string, at: number): number =>
  at > 0 && /\w/.test(text[at - 1]!) ? RHYTHM.word : RHYTHM.mark;

/** Milliseconds before a key, including thinking. Deterministic for a place. */
export function pauseBefore(text: string, at: number): number {
  if (startsLine(text, at)) return THINKING.line;
  const thinks = startsWord(text, at) && mix(mixText(text), at) % THINKING.words === 0;
  return thinks ? THINKING.word : keyTime(text, at);
}

/** Milliseconds for all keys between two places, without thinking. */
export function typingTime(text: string, from: number, to: number): number {
  let time = 0;
  for (let at = from; at < to; at += keyAt(text, at).length) time += keyTime(text, at);
  return time;
}

/** Whether the user looks up here, because a word is typed without looking. */
export const startsUnit = (text: string, at: number): boolean => startsLine(text, at) || startsWord(text, at);

const startsLine = (text: string, at: number): boolean => at === 0 || atLineStart(text, at);
const startsWord = (text: string, at: number): boolean =>
  /\w/.test(text[at]!) && !/\w/.test(text[at - 1] ?? '');

/** Whether only indentation precedes the place in its line. */
const atLineStart = (text: string, at: number): boolean => /\n[ \t]*$/.test(text.slice(0, at));

/** Characters in a part of the text that must be typed: those other than indentation. */
export function typedCharacters(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at += 1) if (!(/[ \t]/.test(text[at]!) && atLineStart(text, at))) count += 1;
  return count;
}
