/** Ends a suggestion where nothing is left open that it has opened, at its last whole expression or statement. */
import { insideOf, openAt, readOn, type Opened } from '../code/brackets.ts';
import { embeddedAt, languageOf, type Language } from '../code/languages.ts';
import { isBlank, lastLine } from '../code/text.ts';
import type { CursorDocument } from '../types.ts';

/** Fewer characters than these, apart from closers and separators, are typed sooner than read. */
const LEAST_CHARACTERS = 3;

/** Whether a suggestion is too little to show: closers, or the rest of a short word. */
export const isTrivial = (text: string): boolean =>
  text.replace(/[\s)\]}>'"`:;,.]/g, '').length < LEAST_CHARACTERS;

/** Letters that belong to the quote after them, as in Python's f"" and Rust's r#"". */
const prefix = /(?<![\p{L}\p{N}_$])(?:[bfrtu]{1,2}#*|[$@]{1,2})$/iu;

/** Characters before the cursor that are looked at. */
const NEAR = 100;

/** Operators that want another operand. Those that may also end an expression (`x!`, `A<B>`) do so without a space. */
const operator =
  /(?:(?<!\.)\.|\?\.|::?|(?<!\+)\+|(?<!-)-|[-=]>|[-+*/%&|^<>=!?:~]*=|&&|\|\||(?<=\s|^)(?!\/>|\*\/)[*/%&|^<>!?~@]+)$/;
/** Words that want another. After a dot, they are names; some are only between two operands more than that. */
const word =
  /(?<![\p{L}\p{N}_$.@#-])(?:if|elif|for|while|switch|catch|with|not|and|or|await|new|throw|typeof|instanceof|extends|implements|import|let|const|var|def|func|function|class|del|assert|lambda|raise|case|(?<=[\p{L}\p{N}_)\]}'"]\s+)(?:in|is|of|as|from))$/u;
/** Ends with a colon, and is whole. */
const label = /^\s*(?:case\b.*|default|public|private|protected)\s*:$/;

/** What may be the first half of a quote, a mark of comments or an operator, if the suggestion has the other half. */
const LONGEST_HALF = 8;
const half = /(?:(?<![\p{L}\p{N}_$])[bfrtu]{1,2})?[\\/*"'`<!-]*$/iu;

/**
 * The beginning of a suggestion that opens no bracket, string or comment without closing it, and ends with no operator
 * that wants an operand. What the document has opened is not the suggestion's to close.
 */
export function cutToWhole(text: string, document: CursorDocument): string {
  const { before, languageId } = embeddedAt(document);
  const language = languageOf(languageId);
  if (language.prose || language.markup) return text;
  // A quote before a character is no half of anything.
  const begun = language.characters && before.endsWith("'") ? '' : half.exec(before.slice(-LONGEST_HALF))![0];
  const open = openAt(before.slice(0, before.length - begun.length), language);
  for (let kept = text; ;) {
    const stack = readOn(begun + kept, language, open);
    const own = stack.find(({ at, closer }) => at >= begun.length && closer !== '\n');
    let next = kept;
    if (own) next = beforeOpener(kept, { ...own, at: own.at - begun.length });
    else if (!insideOf(stack) && language.operators) {
      const around = open[stack.length - 1];
      const inList = around && (kept.includes('\n') || around.at < before.lastIndexOf('\n'));
      next = withoutDangling(kept, before, Boolean(inList), language);
    }
    if (next === kept) return kept;
    kept = next;
  }
}

/** Without the line on which something was left open, or, of the first line, without what follows the opener. */
function beforeOpener(text: string, { at, kind }: Opened): string {
  const above = text.slice(0, text.lastIndexOf('\n', at) + 1);
  if (!isBlank(above)) return above.trimEnd();
  const kept = text.slice(0, at);
  return (kind === 'string' ? kept.replace(prefix, '') : kept).trimEnd();
}

/** Without the operator, comma or word at its end that wants more. `inList`: of a list that began on an earlier line. */
function withoutDangling(text: string, before: string, inList: boolean, language: Language): string {
  const kept = text.trimEnd();
  // A word or operator may have begun before the cursor.
  const near = lastLine(before).slice(-NEAR);
  const line = lastLine(near + kept);
  if (line.endsWith(',')) return inList ? text : kept.slice(0, -1);
  if (line.endsWith(':') && (language.indented || label.test(line))) return text;
  const begins = line.length - kept.length;
  const found = operator.exec(line)?.index ?? word.exec(line)?.index;
  // What began before the cursor is the person's.
  return found === undefined || found < begins ? text : kept.slice(0, found - begins).trimEnd();
}

/** An answer that was broken off at the limit of tokens: without its last line or, of a single one, its last word. */
export function cutBrokenOff(text: string): string {
  const above = text.slice(0, Math.max(0, text.lastIndexOf('\n')));
  return isBlank(above) ? text.replace(/[\p{L}\p{N}_]+$/u, '') : above;
}
