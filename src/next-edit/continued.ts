/** Whether what the user types belongs to a pattern, or is something else. */
import { byLine } from './by-line.ts';
import { changesOf } from './changes.ts';
import type { Edit } from './edit.ts';
import { endOfLine, startOfLine } from './lines.ts';
import { isSameEdit, isStep, type Pattern } from './pattern.ts';
import { linesOfShape } from './shape.ts';
import { withTokens, type TextWithTokens } from './tokens.ts';

/**
 * The patterns that the edit at a place is part of: in its line, if it has several.
 * @param place in the document, in UTF-16 units
 */
export function continuedAt(
  place: number,
  edits: readonly Edit[],
  document: TextWithTokens,
  patterns: readonly Pattern[],
): Pattern[] {
  const isHere = ({ path, at, after }: Edit) =>
    path === document.path && place >= at && place <= at + after.length;
  const edit = edits.find(isHere);
  if (!edit) return [];
  const line = byLine(edit).find(isHere);
  const changes = line ? changesOf(line, document.text, document.tokens) : [];
  const isInLine = ({ at, text }: (typeof changes)[0]) =>
    place >= startOfLine(document.text, at) && place <= endOfLine(document.text, at + text.length);
  // What was deleted at a line's end is at the next line's first token.
  const here = line?.after.includes('\n') ? changes.filter(isInLine) : changes;
  return patterns.filter((pattern) => {
    if (pattern.kind === 'tokens') return here.some((change) => isStep(pattern, change));
    if (pattern.kind === 'lines')
      return isSameEdit(edit, { before: pattern.old.join('\n'), after: pattern.now.join('\n') });
    const before = line && withTokens({ ...document, text: line.before });
    return before !== undefined && linesOfShape(pattern, before)[0]?.text === line?.after.trim();
  });
}
