/** One line or several, by what stands around the cursor. */
import { readBrackets } from './brackets.ts';
import { languageOf } from './languages.ts';
import { firstLine, isBlank, lastLine } from './text.ts';
import type { CursorDocument, Reach } from './types.ts';

/** Characters before the cursor that are read to find out whether it is in a comment or a string. */
const LOOK_BACK = 4000;

/**
 * `block` on a new line and where a block, a list or a tag has just been opened, if nothing but its own closer
 * follows; `line` anywhere else, and in comments.
 */
export function reachAt({ before, after, languageId }: CursorDocument): Reach {
  const language = languageOf(languageId);
  if (readBrackets(wholeLines(before), language).inside === 'comment') return 'line';
  const left = lastLine(before);
  const right = firstLine(after).trim();
  const opened = left.trimEnd().at(-1) ?? '';
  if (right !== '') {
    const pairs: Record<string, string> = { '{': '}', '[': ']', '(': ')', '>': '</' };
    const pair = pairs[opened];
    return pair !== undefined &&
      opened !== '(' &&
      right.startsWith(pair) &&
      (opened !== '>' || language.markup)
      ? 'block'
      : 'line';
  }
  if (isBlank(left)) return 'block';
  if (language.prose) return 'line';
  if (language.indented) return /[:([{]$/.test(left.trimEnd()) ? 'block' : 'line';
  if (language.markup) return />$/.test(left.trimEnd()) ? 'block' : 'line';
  return /(?:[{([]|=>|\b(?:do|then|else|begin))$/.test(left.trimEnd()) ? 'block' : 'line';
}

/** The end of a text, from the beginning of a line on. */
export function wholeLines(text: string, length = LOOK_BACK): string {
  if (text.length <= length) return text;
  const from = text.indexOf('\n', text.length - length);
  return text.slice(from < 0 ? text.length - length : from + 1);
}
