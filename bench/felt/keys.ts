/** The keys of a text that is typed, and the rhythm. Pure. */
import { mix, mixText } from '../../src/statistics/random.ts';

/** Milliseconds before a key: within a word, and after a space or a mark. */
export const RHYTHM = { word: 200, mark: 300 };
/** Milliseconds before the first key of a line, and before one word in `words`, in which a person thinks. */
export const THINKING = { line: 2000, word: 1000, words: 4 };

/** The text that the next key writes: a character, or a line break with the indentation that the editor adds. */
export function keyAt(text: string, at: number): string {
  if (text[at] === '\n') return /^\n[ \t]*/.exec(text.slice(at))![0];
  const indent = atLineStart(text, at) ? /^[ \t]+/.exec(text.slice(at))?.[0] : undefined;
  return indent ?? text[at]!;
}

/** Milliseconds that the hands take for a key. */
const keyTime = (text: string, at: number): number =>
  at > 0 && /\w/.test(text[at - 1]!) ? RHYTHM.word : RHYTHM.mark;

/** Milliseconds before a key, with what the person thinks. The same for the same place. */
export function pauseBefore(text: string, at: number): number {
  if (startsLine(text, at)) return THINKING.line;
  const thinks = startsWord(text, at) && mix(mixText(text), at) % THINKING.words === 0;
  return thinks ? THINKING.word : keyTime(text, at);
}

/** Milliseconds that the hands take for all keys that are due from a place to another. */
export function typingTime(text: string, from: number, to: number): number {
  let time = 0;
  for (let at = from; at < to; at += keyAt(text, at).length) time += keyTime(text, at);
  return time;
}

/** Whether a person lifts their eyes here: a word is typed in one go. */
export const startsUnit = (text: string, at: number): boolean => startsLine(text, at) || startsWord(text, at);

const startsLine = (text: string, at: number): boolean => at === 0 || atLineStart(text, at);
const startsWord = (text: string, at: number): boolean =>
  /\w/.test(text[at]!) && !/\w/.test(text[at - 1] ?? '');

/** Whether only indentation stands between a line break in the text and the place. */
const atLineStart = (text: string, at: number): boolean => /\n[ \t]*$/.test(text.slice(0, at));

/** Characters of a part of the text that a person types: without the indentation of lines. */
export function typedCharacters(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at += 1) if (!(/[ \t]/.test(text[at]!) && atLineStart(text, at))) count += 1;
  return count;
}
