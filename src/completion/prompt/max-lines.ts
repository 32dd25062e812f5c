/** Decides between a single-line and a multi-line completion, by the text around the cursor. */
import { enclosingText, openAt } from '../code/brackets.ts';
import { embeddedAt, languageFor } from '../code/languages.ts';
import { firstLine, isBlank, lastLine } from '../code/text.ts';
import type { CursorDocument } from '../types.ts';

/** Nobody reads more lines than this before pressing Tab. */
const BLOCK_LINES = 12;

/** The most lines that a completion may have: several for a block, one everywhere else. */
export const maxLinesAt = (document: CursorDocument): number => (beginsBlock(document) ? BLOCK_LINES : 1);

/**
 * Whether the cursor is on a new line, or directly after the opening of a block, list or tag if only its own closer
 * follows; not in comments.
 */
function beginsBlock(document: CursorDocument): boolean {
  const { before, after, languageId } = embeddedAt(document);
  const language = languageFor(languageId);
  const open = openAt(before, language);
  const inside = enclosingText(open);
  if (inside === 'comment') return false;
  const left = lastLine(before);
  const right = firstLine(after).trim();
  const opened = left.trimEnd().at(-1) ?? '';
  if (right !== '') {
    const pairs: Record<string, string> = { '{': '}', '[': ']', '>': '</' };
    const pair = pairs[opened];
    return (
      open.every(({ kind }) => kind === 'bracket') &&
      pair !== undefined &&
      right.startsWith(pair) &&
      (opened !== '>' || language.markup || language.tags === true)
    );
  }
  if (isBlank(left)) return true;
  if (language.prose || inside === 'string') return false;
  if (language.indented) return /[:([{]$/.test(left.trimEnd());
  if (language.markup) return />$/.test(left.trimEnd());
  return /(?:[{([]|=>|\b(?:do|then|else|begin)|\b(?:case\b.*|default\s*):)$/.test(left.trimEnd());
}
