/** Where a completion of several lines ends: with the block that it began in. */
import { readBrackets } from './brackets.ts';
import type { Language } from './languages.ts';
import { indentWidth, isBlank, lastLine } from './text.ts';
import type { CursorDocument } from './types.ts';
import { wholeLines } from './reach.ts';

/** More lines than this nobody reads before pressing Tab. */
const MOST_LINES = 12;

/**
 * Cuts at the first line that is indented less than the block. After an opening line (`if (x) {`, `def f():`) the block
 * is what is indented more, and the line that closes it.
 */
export function cutToBlock(text: string, { before }: CursorDocument, language: Language): string {
  const lines = text.split('\n');
  const left = lastLine(before);
  const opening = !isBlank(left);
  // On a blank line the first words stand at the cursor; after an opening line, on the lines below it.
  const base = indentWidth(left);
  const kept: string[] = [lines[0] ?? ''];
  for (const line of lines.slice(1, MOST_LINES)) {
    const width = indentWidth(line);
    if (isBlank(line) || (opening ? width > base : width >= base)) kept.push(line);
    else {
      if (opening && width === base && closes(line, language)) kept.push(line);
      break;
    }
  }
  while (kept.length > 1 && isBlank(kept.at(-1) ?? '')) kept.pop();
  return kept.join('\n');
}

const closes = (line: string, { markup }: Language): boolean =>
  markup ? /^\s*<\//.test(line) : /^\s*[)\]}]+[;,]?\s*$/.test(line);

/**
 * Cuts before the first closing bracket that has nothing to close: neither in the text, nor before the cursor unless
 * what follows closes it already.
 */
export function cutUnmatched(text: string, { before, after }: CursorDocument, language: Language): string {
  if (language.prose) return text;
  const left = readBrackets(wholeLines(before), language);
  // Inside a string or a comment brackets are text.
  if (left.inside) return text;
  const closedBelow = readBrackets(after, language).unmatched.length;
  // Innermost first. What stands after the cursor closes the outermost ones, so the inner ones are free.
  const free = left.owed.slice(closedBelow).reverse();
  for (const [index, { closer, at }] of readBrackets(text, language).unmatched.entries())
    if (free[index] !== closer) return text.slice(0, at);
  return text;
}
