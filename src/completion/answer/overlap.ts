/** Cuts where a completion repeats the text after the cursor. */
import { enclosingText, openAt } from '../code/brackets.ts';
import type { Language } from '../code/languages.ts';
import { similar } from './repetition.ts';
import { firstLine, isBlank, isPunctuation, lastLine, linesBelow } from '../code/text.ts';
import type { CursorDocument } from '../types.ts';

/** Number of lines below the cursor that a completion is compared with. */
const LOOK_AHEAD = 12;

/**
 * Cuts what the rest of the cursor's line already contains: everything from the closer or marker that follows the
 * cursor, or the overlapping end. Brackets and quotes in code are left to `cutUnmatched`, which knows their openers.
 */
export function cutRestOfLine(text: string, { before, after }: CursorDocument, language: Language): string {
  const rest = firstLine(after).trim();
  if (!rest) return text;
  if (/^<\//.test(rest) && (language.markup || language.tags)) return text.replace(/<\/?[\w.:-]*$/, '');
  const code = !language.prose && !language.markup && enclosingText(openAt(before, language)) === undefined;
  const closer = closerAt(rest, code, language.prose);
  if (closer) return text.slice(0, extraAt(closer, text, lastLine(before)));
  if (code && /^[)\]}'"`]/.test(rest)) return text;
  // The rest of the line comes after the whole completion, even if that is a block.
  for (let length = Math.min(rest.length, text.length); length > 0; length -= 1)
    if (text.endsWith(rest.slice(0, length))) return text.slice(0, text.length - length);
  return text;
}

const openers: Record<string, string> = { ')': '(', ']': '[', '}': '{', '>': '<' };

/** The closer or emphasis marker that follows the cursor, if counting decides whether it is repeated. */
function closerAt(rest: string, code: boolean, prose: boolean): string | undefined {
  const pattern = code ? /^>/ : prose ? /^(?:[)\]}"`]|\*\*?|__?|~~)/ : /^[)\]}>"]/;
  return pattern.exec(rest)?.[0];
}

/** Index of a closer in a text that has no opener for it; undefined if there is none. */
function extraAt(closer: string, text: string, left: string): number | undefined {
  const opener = openers[closer];
  const at = text.indexOf(closer);
  // A marker that both opens and closes: it closes what the line has open.
  if (opener === undefined) return at < 0 || left.split(closer).length % 2 === 1 ? undefined : at;
  let depth = 0;
  for (const { 0: sign, index } of text.matchAll(/[=-]>|[()[\]{}<>]/g)) {
    if (sign === opener) depth += 1;
    else if (sign === closer && --depth < 0) return index;
  }
  return undefined;
}

/** Letters and digits that make a line distinctive: it hardly ever occurs twice in a row. */
const SIGNIFICANT = 8;
/** Lines that may lie between the cursor and the repeated lines. */
const MAX_SKIPPED = 2;

/**
 * Cuts trailing lines that already follow the cursor. Returns undefined if the completion repeats the next line, or all
 * of it occurs a little further below.
 */
export function cutLinesBelow(text: string, { before, after }: CursorDocument): string | undefined {
  const below = linesBelow(after, LOOK_AHEAD);
  const next = below[0];
  if (next === undefined) return text;
  const lines = text.split('\n');
  const written = [lastLine(before) + lines[0]!, ...lines.slice(1)].filter((line) => !isBlank(line));
  const repeats = (from: number) => written.every((line, index) => similar(line, below[from + index] ?? ''));
  if (written.length > 0 && repeats(0) && !written.every(isPunctuation)) return undefined;
  if (isSignificant(written[0])) {
    if (written[0]!.trim() === next.trim()) return undefined;
    for (let from = 1; from <= MAX_SKIPPED; from += 1) if (repeats(from)) return undefined;
  }
  const from = lines.findIndex((_, index) => index > 0 && repeatsBelow(lines.slice(index), below));
  return from < 0 ? text : lines.slice(0, from).join('\n');
}

/** Whether a line has enough letters and digits that a repetition is no coincidence. */
export const isSignificant = (line = ''): boolean =>
  line.replace(/[^\p{L}\p{N}]/gu, '').length >= SIGNIFICANT;

/** Whether these lines repeat the next ones below. */
function repeatsBelow(lines: readonly string[], below: readonly string[]): boolean {
  const written = lines.filter((line) => !isBlank(line));
  if (written.length === 0 || written.length > below.length) return false;
  // The token limit may have cut the last line short.
  return (
    written.every((line, index) => {
      const other = below[index] ?? '';
      const last = index === written.length - 1;
      return (
        similar(line, other) ||
        (last && written.length > 1 && !isPunctuation(line) && other.trim().startsWith(line.trim()))
      );
    }) &&
    (written.length > 1 || sameIndent(written[0] ?? '', below[0] ?? ''))
  );
}

/** A single closing line repeats the one below only if it has the same indentation. */
function sameIndent(line: string, other: string): boolean {
  return !isPunctuation(line) || /^\s*/.exec(line)?.[0] === /^\s*/.exec(other)?.[0];
}
