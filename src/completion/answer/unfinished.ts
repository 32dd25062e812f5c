/** Cuts a suggestion to its last complete expression or statement, so that it leaves nothing open that it opened. */
import { enclosingText, openAt, continueReading, type OpenDelimiter } from '../code/brackets.ts';
import { embeddedAt, languageFor, type Language } from '../code/languages.ts';
import { isBlank, keysToType, lastLine, wordOrMarks } from '../code/text.ts';
import type { CursorDocument, RawAnswer } from '../types.ts';

/** What takes fewer keys than this, not counting closers and separators, is faster typed than read. */
const MIN_KEYS = 3;

/** Whether a suggestion is too little to show: closers, or the rest of a short word. */
export const isTrivial = (text: string): boolean =>
  keysToType(text.replace(/[\s)\]}>'"`:;,.]/g, '')) < MIN_KEYS;

/** Prefix of a string literal, as in Python's f"" and Rust's r#"". */
const prefix = /(?<![\p{L}\p{N}_$])(?:[bfrtu]{1,2}#*|[$@]{1,2})$/iu;

/** Characters before the cursor that are considered. */
const NEARBY_CHARACTERS = 100;

/** Operators that need another operand. Those that may also end an expression (`x!`, `A<B>`) do so without a space. */
const operator =
  /(?:(?<!\.)\.|\?\.|::?|(?<!\+)\+|(?<!-)-|[-=]>|[-+*/%&|^<>=!?:~]*=|&&|\|\||(?<=\s|^)(?!\/>|\*\/)[*/%&|^<>!?~@]+)$/;
/** Keywords that need something after them. After a dot they are names; some count only after an operand. */
const word =
  /(?<![\p{L}\p{N}_$.@#-])(?:if|elif|for|while|switch|catch|with|not|and|or|await|new|throw|typeof|instanceof|extends|implements|import|let|const|var|def|func|function|class|del|assert|lambda|raise|case|(?<=[\p{L}\p{N}_)\]}'"]\s+)(?:in|is|of|as|from))$/u;
/** Complete although it ends with a colon. */
const label = /^\s*(?:case\b.*|default|public|private|protected)\s*:$/;

/** What may be the first part of a quote, comment marker or operator that the suggestion completes. */
const MAX_PARTIAL_MARK = 8;
const partialMark = /(?:(?<![\p{L}\p{N}_$])[bfrtu]{1,2})?[\\/*"'`<!-]*$/iu;

/**
 * The longest beginning of a suggestion that closes every bracket, string and comment it opens, and does not end with
 * an operator that needs an operand. It need not close what the document has opened.
 */
export function cutUnfinished(text: string, document: CursorDocument): string {
  const { before, languageId } = embeddedAt(document);
  const language = languageFor(languageId);
  if (language.prose || language.markup) return text;
  // The quote before a character literal is not part of a longer quote.
  const begun =
    language.characters && before.endsWith("'") ? '' : partialMark.exec(before.slice(-MAX_PARTIAL_MARK))![0];
  const open = openAt(before.slice(0, before.length - begun.length), language);
  for (let kept = text; ;) {
    const stack = continueReading(begun + kept, language, open);
    const own = stack.find(({ at, closer }) => at >= begun.length && closer !== '\n');
    let next = kept;
    if (own) next = cutBeforeOpener(kept, { ...own, at: own.at - begun.length });
    else if (!enclosingText(stack) && language.operators) {
      const around = open[stack.length - 1];
      const inList = around && (kept.includes('\n') || around.at < before.lastIndexOf('\n'));
      next = cutDangling(kept, before, Boolean(inList), language);
    }
    if (next === kept) return kept;
    kept = next;
  }
}

/** Cuts the line on which something was left open; on the first line, only the text from the opener on. */
function cutBeforeOpener(text: string, { at, kind }: OpenDelimiter): string {
  const above = text.slice(0, text.lastIndexOf('\n', at) + 1);
  if (!isBlank(above)) return above.trimEnd();
  const kept = text.slice(0, at);
  return (kind === 'string' ? kept.replace(prefix, '') : kept).trimEnd();
}

/** Cuts a dangling operator, comma or keyword at the end. `inList`: inside a list that began on an earlier line. */
function cutDangling(text: string, before: string, inList: boolean, language: Language): string {
  const kept = text.trimEnd();
  // A word or operator may have begun before the cursor.
  const near = lastLine(before).slice(-NEARBY_CHARACTERS);
  const line = lastLine(near + kept);
  if (line.endsWith(',')) return inList ? text : kept.slice(0, -1);
  if (line.endsWith(':') && (language.indented || label.test(line))) return text;
  const begins = line.length - kept.length;
  const dangling = operator.exec(line)?.index ?? word.exec(line)?.index;
  // What began before the cursor belongs to the user.
  return dangling === undefined || dangling < begins ? text : kept.slice(0, dangling - begins).trimEnd();
}

/**
 * Drops the last line of an answer that hit the token limit or, if it has only one, its last word. `cut`: it now ends
 * within a line.
 */
export function cutTruncated({ text, finishReason }: RawAnswer): { text: string; cut: boolean } {
  if (finishReason !== 'length') return { text, cut: false };
  const above = text.slice(0, Math.max(0, text.lastIndexOf('\n')));
  if (!isBlank(above)) return { text: above, cut: false };
  const last = [...text.matchAll(wordOrMarks)].at(-1);
  const isWord = last && last.index + last[0].length === text.length && /[\p{L}\p{N}_]$/u.test(text);
  return { text: isWord ? text.slice(0, last.index) : text, cut: true };
}
