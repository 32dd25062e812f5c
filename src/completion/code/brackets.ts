/** Matches brackets as an editor does: those in strings, comments and regular expressions don't count. */
import type { Language } from './languages.ts';

/** A bracket, string or comment that is open. */
export interface OpenDelimiter {
  kind: 'bracket' | 'string' | 'comment';
  /** What closes it: a bracket, a quote, or the end of a comment (which may be the line's end). */
  closer: string;
  /** Index in the text; -1 if it was opened before the text. */
  at: number;
  /** What begins an embedded expression, if this is a string that may contain some. */
  interpolation?: '${' | '{';
}

/** A closing bracket or quote. */
export interface Closing {
  closer: string;
  /** Index in the text. */
  at: number;
  /** Index in the stack of what it closes; undefined if it closes nothing. */
  ends: number | undefined;
}

export interface ReadOptions {
  onClosing?: (closing: Closing) => void;
  /** Whether a closer may also close unclosed brackets inside; otherwise it counts as unmatched. */
  closeInner?: boolean;
}

const closers: Record<string, string> = { '(': ')', '[': ']', '{': '}' };
/** Characters that may begin or end something in code; all others are skipped. */
const significant = /["'`()[\]{}/#\-*%;<\n]/g;
const character = /'(?:\\(?:u\{?[\da-f]{1,8}\}?|x[\da-f]{1,2}|[0-7]{1,3}|.)|[^'\\\n])'/iuy;
const regularExpression = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^\\[\n/])+\/[a-z]*/y;
/** After these, a slash is not a division. */
const beforeExpression = /(?:^|[(,=:[!&|?{};+>~]|\b(?:return|case|typeof|in|of))\s*$/;

/**
 * Closers without an opener in a text that is assumed to begin as code, with their indices, in order. A closer of the
 * wrong kind counts, too.
 */
export function unmatchedClosers(text: string, language: Language): { closer: string; at: number }[] {
  const unmatched: { closer: string; at: number }[] = [];
  continueReading(text, language, [], {
    onClosing: ({ closer, at, ends }) => ends === undefined && unmatched.push({ closer, at }),
  });
  return unmatched;
}

let last: { text: string; language: Language; open: readonly OpenDelimiter[] } | undefined;

/** What is open at the end of a text. The last result is cached, because callers ask repeatedly at the same place. */
export function openAt(text: string, language: Language): readonly OpenDelimiter[] {
  if (last?.text !== text || last.language !== language)
    last = { text, language, open: continueReading(text, language, []) };
  return last.open;
}

/** Whether this stack ends inside a comment or a string. */
export function enclosingText(open: readonly OpenDelimiter[]): 'comment' | 'string' | undefined {
  const last = open.at(-1);
  return last && last.kind !== 'bracket' ? last.kind : undefined;
}

/** Reads a text that begins with `open` (outermost first) already open. Returns what is open at its end. */
export function continueReading(
  text: string,
  language: Language,
  open: readonly OpenDelimiter[],
  { onClosing, closeInner = false }: ReadOptions = {},
): OpenDelimiter[] {
  const stack = open.map((delimiter) => ({ ...delimiter, at: -1 }));
  const close = (closer: string, at: number) => {
    const ends = findOpener(closer, stack, closeInner);
    onClosing?.({ closer, at, ends });
    if (ends !== undefined) stack.length = ends;
  };
  for (let at = 0; at < text.length;) {
    const inner = stack.at(-1);
    at =
      inner && inner.kind !== 'bracket'
        ? readInside(text, at, language, stack, close)
        : readCode(text, at, language, stack, close);
  }
  return stack;
}

function findOpener(
  closer: string,
  stack: readonly OpenDelimiter[],
  closeInner: boolean,
): number | undefined {
  for (let index = stack.length - 1; index >= 0; index -= 1) {
    const delimiter = stack[index]!;
    if (delimiter.closer === closer) return index;
    if (!closeInner || delimiter.kind !== 'bracket') return undefined;
  }
  return undefined;
}

type Close = (closer: string, at: number) => void;

/** Continues inside a comment or string. Returns the index at which to continue. */
function readInside(
  text: string,
  from: number,
  language: Language,
  stack: OpenDelimiter[],
  close: Close,
): number {
  const { kind, closer, interpolation } = stack.at(-1)!;
  if (kind === 'comment') {
    const end = text.indexOf(closer, from);
    if (end >= 0) stack.pop();
    return end < 0 ? text.length : end + closer.length;
  }
  const raw = closer === '`' && !language.templates;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\' && !raw) at += 1;
    else if (text.startsWith(closer, at)) {
      close(closer, at);
      return at + closer.length;
    } else if (interpolation === '{' && text.startsWith('{{', at)) at += 1;
    else if (interpolation && text.startsWith(interpolation, at)) {
      stack.push({ kind: 'bracket', closer: '}', at });
      return at + interpolation.length;
    } else if (text[at] === '\n' && isOneLine(closer)) {
      endLine(stack);
      return at + 1;
    }
  }
  return text.length;
}

const isOneLine = (closer: string): boolean => closer === '"' || closer === "'";

/** A single-line string ends at the end of the line, even if an embedded expression is still open. */
function endLine(stack: OpenDelimiter[]): void {
  const first = stack.findIndex(({ kind, closer }) => kind === 'string' && isOneLine(closer));
  if (first >= 0) stack.length = first;
}

/** Reads one bracket, or the beginning of a string or comment. Returns the index at which to continue. */
function readCode(
  text: string,
  from: number,
  language: Language,
  stack: OpenDelimiter[],
  close: Close,
): number {
  significant.lastIndex = from;
  const at = significant.exec(text)?.index;
  if (at === undefined) return text.length;
  const { blockComment, lineComments } = language;
  const sign = text[at]!;
  if (blockComment && text.startsWith(blockComment[0], at)) {
    stack.push({ kind: 'comment', closer: blockComment[1], at });
    return at + blockComment[0].length;
  }
  const lineComment = lineComments.find((mark) => text.startsWith(mark, at));
  if (lineComment) {
    stack.push({ kind: 'comment', closer: '\n', at });
    return at + lineComment.length;
  }
  if (sign === '"' || sign === "'" || sign === '`') {
    // Inside an embedded expression, the quote that began the string ends it.
    const outer = stack.findLast(({ interpolation }) => interpolation === '{');
    if (!outer || !text.startsWith(outer.closer, at)) return readQuote(text, at, language, stack);
    stack.length = stack.lastIndexOf(outer) + 1;
    close(outer.closer, at);
    return at + outer.closer.length;
  }
  if (sign === '\n') endLine(stack);
  else if (closers[sign]) stack.push({ kind: 'bracket', closer: closers[sign], at });
  else if (sign === ')' || sign === ']' || sign === '}') close(sign, at);
  else if (sign === '/' && language.templates) return endOfRegularExpression(text, at) ?? at + 1;
  return at + 1;
}

/** The end of the regular expression literal that begins at this slash; undefined if it is a division. */
export function endOfRegularExpression(text: string, at: number): number | undefined {
  if (!beforeExpression.test(text.slice(Math.max(0, at - 20), at))) return undefined;
  regularExpression.lastIndex = at;
  return regularExpression.test(text) ? regularExpression.lastIndex : undefined;
}

function readQuote(text: string, at: number, language: Language, stack: OpenDelimiter[]): number {
  const quote = text[at]!;
  // An apostrophe in running text opens nothing.
  if (language.prose || language.markup) return at + 1;
  if (quote === "'" && language.characters) {
    character.lastIndex = at;
    if (character.test(text)) return character.lastIndex;
  }
  const isTriple = language.tripleQuotes?.includes(quote) && text.startsWith(quote.repeat(3), at);
  const whole = isTriple ? quote.repeat(3) : quote;
  if (whole === "'" && !isString(text, at, language)) return at + 1;
  const interpolation = interpolationStart(text.slice(Math.max(0, at - 3), at), quote, language);
  stack.push({ kind: 'string', closer: whole, at, ...(interpolation && { interpolation }) });
  return at + whole.length;
}

function interpolationStart(before: string, quote: string, { templates, formatted }: Language) {
  if (templates && quote === '`') return '${';
  return formatted && /(?:^|\W)(?:f|fr|rf|t|rt|tr)$/i.test(before) ? '{' : undefined;
}

/** Whether a single quote begins a string, as opposed to an apostrophe, a Rust lifetime or a digit separator. */
function isString(text: string, at: number, { characters }: Language): boolean {
  const before = text.slice(Math.max(0, at - 3), at);
  const end = /['\n]/g;
  end.lastIndex = at + 1;
  const next = end.exec(text)?.[0];
  if (next === '\n') return false;
  if (next === "'") return !characters;
  // At the end of the text (the cursor) it begins a string unless it looks like something else.
  if (characters) return at === text.length - 1 && !/[&<,\d]\s?$/.test(before);
  return !/[\p{L}\p{N}]$/u.test(before) || /(?:^|[^\p{L}\p{N}])[rbfu]{1,2}$/iu.test(before);
}
