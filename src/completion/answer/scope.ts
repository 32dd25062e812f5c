/** Cuts a multi-line completion at the end of the block it began in. */
import { enclosingText, openAt, continueReading, type OpenDelimiter } from '../code/brackets.ts';
import { languageFor, type Language } from '../code/languages.ts';
import { firstLine, leadingWhitespace, indentWidth, isBlank, lastLine } from '../code/text.ts';
import type { CursorDocument } from '../types.ts';

/**
 * The text up to the first line that is indented less than the block, at most `maxLines` lines, and whether the block
 * ends there, so that any further text would be cut. After an opening line (`if (x) {`, `def f():`), the block consists
 * of the lines that are indented more and the line that closes it.
 */
export function readBlock(
  text: string,
  { before, languageId }: CursorDocument,
  maxLines: number,
): { text: string; ended: boolean } {
  const lines = text.split('\n');
  const left = lastLine(before);
  const opening = !isBlank(left);
  // On a blank line, the block begins at the cursor; after an opening line, on the line below.
  const base = indentWidth(left);
  const kept: string[] = [lines[0] ?? ''];
  let ended = lines.length >= maxLines;
  for (const line of lines.slice(1, maxLines)) {
    const width = indentWidth(line);
    if (isBlank(line) || (opening ? width > base : width >= base)) kept.push(line);
    else {
      if (opening && width === base && closes(line, languageFor(languageId))) kept.push(line);
      ended = true;
      break;
    }
  }
  while (kept.length > 1 && isBlank(kept.at(-1) ?? '')) kept.pop();
  return { text: kept.join('\n'), ended };
}

/** Whether a line closes a block without opening another. */
const closes = (line: string, { markup, tags }: Language): boolean =>
  ((markup || tags) && /^\s*<\//.test(line)) || (!markup && /^\s*[)\]}](?!.*[{([:]\s*$)/.test(line));

/**
 * Cuts before the first closing bracket or quote without an opener in the text or before the cursor (not counting
 * openers that the text after the cursor already closes).
 */
export function cutUnmatched(text: string, { before, after }: CursorDocument, language: Language): string {
  if (language.prose || language.markup) return text;
  const open = openAt(before, language);
  if (enclosingText(open) === 'comment') return text;
  const free = unclosedAfter(open, after, language);
  let closed = 0;
  let cut: number | undefined;
  let height = open.length;
  continueReading(text, language, open, {
    onClosing({ closer, at, ends }) {
      if (cut !== undefined || (ends !== undefined && ends >= height)) return;
      if (ends === undefined || free[closed]?.closer !== closer) cut = at;
      height = ends ?? height;
      closed += 1;
    },
  });
  return cut === undefined ? text : cutBeforeCloser(text, cut, after);
}

/** What is open at the cursor and not closed by the text after it, innermost first. */
function unclosedAfter(open: readonly OpenDelimiter[], after: string, language: Language): OpenDelimiter[] {
  const unclosed: OpenDelimiter[] = [];
  let height = open.length;
  continueReading(after, language, open, {
    closeInner: true,
    onClosing({ ends }) {
      if (ends === undefined || ends >= height) return;
      unclosed.push(...open.slice(ends + 1, height).reverse());
      height = ends;
    },
  });
  return [...unclosed, ...open.slice(0, height).reverse()];
}

/** Keeps the line break if the closer has its own line in the text: the closer after the cursor then goes there. */
function cutBeforeCloser(text: string, at: number, after: string): string {
  const kept = text.slice(0, at);
  const line = lastLine(kept);
  const ownLine = kept.includes('\n') && isBlank(line) && firstLine(after).startsWith(text[at]!);
  return ownLine ? kept : kept.trimEnd();
}

/** Cuts at a closing tag that already follows the cursor: `<b>|</b>` doesn't need a second one. */
export function cutUnmatchedTag(text: string, { after }: CursorDocument): string {
  const next = /^<\/([\w.:-]*)\s*>/.exec(after)?.[1];
  if (next === undefined) return text;
  let depth = 0;
  for (const { 0: tag, index } of text.matchAll(/<(\/?)([\w.:-]*)(?:\s[^<>]*)?(\/?)>/g)) {
    if (!new RegExp(`^</?${next.replaceAll('.', '\\.')}[\\s/>]`).test(tag) || tag.endsWith('/>')) continue;
    depth += tag.startsWith('</') ? -1 : 1;
    if (depth < 0) return cutBeforeTag(text, index);
  }
  return text;
}

/** Keeps the line break and indentation if the tag is on its own line: the tag after the cursor then goes there. */
function cutBeforeTag(text: string, at: number): string {
  const kept = text.slice(0, at);
  return kept.includes('\n') && leadingWhitespace(lastLine(kept)) === lastLine(kept) ? kept : kept.trimEnd();
}
