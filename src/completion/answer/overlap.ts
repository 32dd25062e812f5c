/** Cuts where a completion repeats the text after the cursor. */
import { insideOf, openAt } from '../code/brackets.ts';
import type { Language } from '../code/languages.ts';
import { similar } from './repetition.ts';
import { firstLine, isBlank, isPunctuation, lastLine, linesBelow } from '../code/text.ts';
import type { CursorDocument } from '../types.ts';

/** Number of lines below the cursor that a completion is compared with. */
const LOOK_AHEAD = 12;

/**
 * Cuts what the rest of the cursor's line already contains: from the closer or mark that follows the cursor on, or the
 * overlapping end. Brackets and quotes of code are left to `cutUnmatched`, which knows what they belong to.
 */
export function cutRestOfLine(text: string, { before, after }: CursorDocument, language: Language): string {
  const rest = firstLine(after).trim();
  if (!rest) return text;
  if (/^<\//.test(rest) && (language.markup || language.tags)) return text.replace(/<\/?[\w.:-]*$/, '');
  const code = !language.prose && !language.markup && insideOf(openAt(before, language)) === undefined;
  const closer = closerAt(rest, code, language.prose);
  if (closer) return text.slice(0, extraAt(closer, text, lastLine(before)));
  if (code && /^[)\]}'"`]/.test(rest)) return text;
  // The rest of the line comes after the whole completion, also if that is a block.
  for (let length = Math.min(rest.length, text.length); length > 0; length -= 1)
    if (text.endsWith(rest.slice(0, length))) return text.slice(0, text.length - length);
  return text;
}

const openers: Record<string, string> = { ')': '(', ']': '[', '}': '{', '>': '<' };

/** The closer or mark of emphasis that follows, if counting decides whether it is repeated. */
function closerAt(rest: string, code: boolean, prose: boolean): string | undefined {
  const pattern = code ? /^>/ : prose ? /^(?:[)\]}"`]|\*\*?|__?|~~)/ : /^[)\]}>"]/;
  return pattern.exec(rest)?.[0];
}

/** Index of a closer in a text that has nothing for it to close; undefined if there is none. */
function extraAt(closer: string, text: string, left: string): number | undefined {
  const opener = openers[closer];
  const at = text.indexOf(closer);
  // A mark that both opens and closes: it closes what the line has open.
  if (opener === undefined) return at < 0 || left.split(closer).length % 2 === 1 ? undefined : at;
  let depth = 0;
  for (const { 0: sign, index } of text.matchAll(/[=-]>|[()[\]{}<>]/g)) {
    if (sign === opener) depth += 1;
    else if (sign === closer && --depth < 0) return index;
  }
  return undefined;
}

/** Of a line that says something of its own: it hardly ever stands twice, one below the other. */
const TELLING = 8;
/** Lines that may stand between the cursor and what is repeated. */
const MOST_SKIPPED = 2;

/**
 * Cuts lines at the end that already follow the cursor. Returns undefined if the completion repeats the line that comes
 * next, or is all of it a little further below.
 */
export function cutLinesBelow(text: string, { before, after }: CursorDocument): string | undefined {
  const below = linesBelow(after, LOOK_AHEAD);
  const next = below[0];
  if (next === undefined) return text;
  const lines = text.split('\n');
  const spoken = [lastLine(before) + lines[0]!, ...lines.slice(1)].filter((line) => !isBlank(line));
  const repeats = (from: number) => spoken.every((line, index) => similar(line, below[from + index] ?? ''));
  if (spoken.length > 0 && repeats(0) && !spoken.every(isPunctuation)) return undefined;
  if (isTelling(spoken[0])) {
    if (spoken[0]!.trim() === next.trim()) return undefined;
    for (let from = 1; from <= MOST_SKIPPED; from += 1) if (repeats(from)) return undefined;
  }
  const from = lines.findIndex((_, index) => index > 0 && meets(lines.slice(index), below));
  return from < 0 ? text : lines.slice(0, from).join('\n');
}

/** Whether a line has enough letters and digits that it is not repeated by chance. */
export const isTelling = (line = ''): boolean => line.replace(/[^\p{L}\p{N}]/gu, '').length >= TELLING;

/** Whether these lines repeat the next ones below. */
function meets(lines: readonly string[], below: readonly string[]): boolean {
  const spoken = lines.filter((line) => !isBlank(line));
  if (spoken.length === 0 || spoken.length > below.length) return false;
  // The token limit may have cut the last line short.
  return (
    spoken.every((line, index) => {
      const other = below[index] ?? '';
      const last = index === spoken.length - 1;
      return (
        similar(line, other) ||
        (last && spoken.length > 1 && !isPunctuation(line) && other.trim().startsWith(line.trim()))
      );
    }) &&
    (spoken.length > 1 || sameIndent(spoken[0] ?? '', below[0] ?? ''))
  );
}

/** A single closing line repeats the one below only if it has the same indentation. */
function sameIndent(line: string, other: string): boolean {
  return !isPunctuation(line) || /^\s*/.exec(line)?.[0] === /^\s*/.exec(other)?.[0];
}
