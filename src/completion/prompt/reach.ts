/** Decides between a single-line and a multi-line completion, by the text around the cursor. */
import { enclosingText, openAt } from '../code/brackets.ts';
import { embeddedAt, languageFor } from '../code/languages.ts';
import { firstLine, isBlank, lastLine } from '../code/text.ts';
import type { CursorDocument, Reach } from '../types.ts';

/**
 * `block` on a new line, and directly after the opening of a block, list or tag if only its own closer follows; `line`
 * everywhere else, and in comments.
 */
export function reachAt(document: CursorDocument): Reach {
  const { before, after, languageId } = embeddedAt(document);
  const language = languageFor(languageId);
  const open = openAt(before, language);
  const inside = enclosingText(open);
  if (inside === 'comment') return 'line';
  const left = lastLine(before);
  const right = firstLine(after).trim();
  const opened = left.trimEnd().at(-1) ?? '';
  if (right !== '') {
    const pairs: Record<string, string> = { '{': '}', '[': ']', '(': ')', '>': '</' };
    const pair = pairs[opened];
    return open.every(({ kind }) => kind === 'bracket') &&
      pair !== undefined &&
      opened !== '(' &&
      right.startsWith(pair) &&
      (opened !== '>' || language.markup || language.tags)
      ? 'block'
      : 'line';
  }
  if (isBlank(left)) return 'block';
  if (language.prose || inside === 'string') return 'line';
  if (language.indented) return /[:([{]$/.test(left.trimEnd()) ? 'block' : 'line';
  if (language.markup) return />$/.test(left.trimEnd()) ? 'block' : 'line';
  return /(?:[{([]|=>|\b(?:do|then|else|begin)|\b(?:case\b.*|default\s*):)$/.test(left.trimEnd())
    ? 'block'
    : 'line';
}
