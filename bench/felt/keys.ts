/** The keys of a text that is typed, and the rhythm. Pure. */

/** Milliseconds before a key: within a word, after a space or a mark, and at the beginning of a line. */
export const RHYTHM = { word: 200, mark: 300, line: 2000 };

/** The text that the next key writes: a character, or a line break with the indentation that the editor adds. */
export function keyAt(text: string, at: number): string {
  if (text[at] === '\n') return /^\n[ \t]*/.exec(text.slice(at))![0];
  const indent = atLineStart(text, at) ? /^[ \t]+/.exec(text.slice(at))?.[0] : undefined;
  return indent ?? text[at]!;
}

export function pauseBefore(text: string, at: number): number {
  if (at === 0 || atLineStart(text, at)) return RHYTHM.line;
  return /\w/.test(text[at - 1]!) ? RHYTHM.word : RHYTHM.mark;
}

/** Whether only indentation stands between a line break in the text and the place. */
const atLineStart = (text: string, at: number): boolean => /\n[ \t]*$/.test(text.slice(0, at));

/** Characters of a part of the text that a person types: without the indentation of lines. */
export function typedCharacters(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at += 1) if (!(/[ \t]/.test(text[at]!) && atLineStart(text, at))) count += 1;
  return count;
}
