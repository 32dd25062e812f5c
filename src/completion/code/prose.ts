/** Whether a cursor is where code stands, or where a person writes to people. */
import { insideOf, openAt } from './brackets.ts';
import { embeddedAt, languageOf } from './languages.ts';
import { lastLine } from './text.ts';
import type { CursorDocument } from '../types.ts';

/** The path of a module, which is code, in languages that name it in quotes. */
const modulePath =
  /^\s*(?:import|export)\b[^'"]*['"][^'"]*$|\bfrom\s*['"][^'"]*$|\b(?:require|import)\s*\(\s*['"][^'"]*$|^\s*#\s*include\s*"[^"]*$/;
/** Within Go's list of imports. */
const importList = /^import\s*\((?:\s*(?:[\w.]+\s+)?"[^"\n]*")*\s*(?:[\w.]+\s+)?"[^"\n]*$/m;
/** Characters before the cursor in which such a list begins. */
const NEAR = 4000;

/** Whether the cursor is within a string, comment or docstring of code, also at its very beginning. */
export function isInProse(document: CursorDocument): boolean {
  const { before, languageId } = embeddedAt(document);
  const inside = insideOf(openAt(before, languageOf(languageId)));
  if (inside !== 'string') return inside === 'comment';
  if (modulePath.test(lastLine(before))) return false;
  return !(languageId === 'go' && importList.test(before.slice(-NEAR)));
}
