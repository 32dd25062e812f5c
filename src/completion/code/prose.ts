/** Tells code from text written for people: strings, comments, docstrings. */
import { enclosingText, openAt } from './brackets.ts';
import { embeddedAt, languageFor } from './languages.ts';
import { lastLine } from './text.ts';
import type { CursorDocument } from '../types.ts';

/** A module path in quotes, which counts as code. */
const modulePath =
  /^\s*(?:import|export)\b[^'"]*['"][^'"]*$|\bfrom\s*['"][^'"]*$|\b(?:require|import)\s*\(\s*['"][^'"]*$|^\s*#\s*include\s*"[^"]*$/;
/** Inside Go's import list. */
const importList = /^import\s*\((?:\s*(?:[\w.]+\s+)?"[^"\n]*")*\s*(?:[\w.]+\s+)?"[^"\n]*$/m;
/** Characters before the cursor that are searched for the start of such a list. */
const NEARBY_CHARACTERS = 4000;

/** Whether the cursor is inside a string, comment or docstring of code, or at its very beginning. */
export function isInProse(document: CursorDocument): boolean {
  const { before, languageId } = embeddedAt(document);
  const inside = enclosingText(openAt(before, languageFor(languageId)));
  if (inside !== 'string') return inside === 'comment';
  if (modulePath.test(lastLine(before))) return false;
  return !(languageId === 'go' && importList.test(before.slice(-NEARBY_CHARACTERS)));
}
