/** Helpers for lines and indentation. */
import type { CursorDocument } from '../types.ts';

/** The line end of a document at the cursor. */
export const lineEndOf = ({ before, after, crlf }: Pick<CursorDocument, 'before' | 'after' | 'crlf'>) =>
  (crlf ?? (before.includes('\r\n') || after.includes('\r\n'))) ? '\r\n' : '\n';

export const lastLine = (text: string): string => text.slice(text.lastIndexOf('\n') + 1);

export function firstLine(text: string): string {
  const end = text.indexOf('\n');
  return end < 0 ? text : text.slice(0, end);
}

/** Everything up to the end of the first non-blank line. */
export const throughFirstWritten = (text: string): string => /^(?:[ \t]*\n)*.*/.exec(text)![0];

/** Scripts that are written without spaces between words, or in which a character takes several keys. */
const dense = '\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Hangul}';
/** A word, which is a single character in such scripts, or the marks between words; for `matchAll`. */
export const wordOrMarks = new RegExp(
  `[${dense}]|(?:(?![${dense}])[\\p{L}\\p{N}_])+|[^\\s\\p{L}\\p{N}_]+`,
  'gu',
);
const denseCharacters = new RegExp(`[${dense}]`, 'gu');

/** Number of keys that type a text, about: the editor indents, and a Chinese character takes at least two. */
export const keysToType = (text: string): number =>
  text.replace(/\n[ \t]*/g, '\n').replace(denseCharacters, '  ').length;

export const isBlank = (text: string): boolean => text.trim() === '';

export const leadingWhitespace = (line: string): string => /^[ \t]*/.exec(line)?.[0] ?? '';

const TAB = 4;

/** Width of a line's indentation in columns; a tab extends to the next multiple of four. */
export function indentWidth(line: string): number {
  let width = 0;
  for (const character of leadingWhitespace(line))
    width = character === '\t' ? (Math.floor(width / TAB) + 1) * TAB : width + 1;
  return width;
}

/** The nearest non-blank lines above the cursor's line, at most `count`, in document order. */
export function linesAbove(before: string, count: number): string[] {
  const above: string[] = [];
  for (let end = before.lastIndexOf('\n'); end >= 0 && above.length < count;) {
    const begins = end === 0 ? 0 : before.lastIndexOf('\n', end - 1) + 1;
    const line = before.slice(begins, end);
    if (!isBlank(line)) above.unshift(line);
    end = begins - 1;
  }
  return above;
}

/** Non-blank lines after the cursor's line, at most `count`. */
export function linesBelow(after: string, count: number): string[] {
  const below: string[] = [];
  let at = after.indexOf('\n');
  while (at >= 0 && below.length < count) {
    const end = after.indexOf('\n', at + 1);
    const line = after.slice(at + 1, end < 0 ? undefined : end);
    if (!isBlank(line)) below.push(line);
    at = end;
  }
  return below;
}

/** Only brackets, quotes and separators: it means nothing if such a line is repeated. */
export const isPunctuation = (line: string): boolean =>
  /^[\s)\]}({[;,.:'"`]*$|^\s*(end|fi|done|else|pass)\s*$/.test(line);

/** Moves an index out of the middle of a surrogate pair. */
export function wholeCharacter(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at;
}

/** Replaces lone surrogates, which no model can read, by U+FFFD. */
export const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\uFFFD');

/** Number of tokens, or characters, that two sequences share at their beginnings. */
export function commonPrefix(a: ArrayLike<unknown>, b: ArrayLike<unknown>): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) if (a[index] !== b[index]) return index;
  return length;
}
