/** Recognises renames: whether a change renamed a definition, and where that name is in scope. */
import { languageFor } from '../completion/code/languages.ts';
import { leadingWhitespace } from '../completion/code/text.ts';
import type { TokenChange } from './changes.ts';
import { endOfLine, lineAt, startOfLine } from './lines.ts';
import { tokensOf, type TextWithTokens, type Token } from './tokens.ts';

/** Keywords that are followed by a newly defined name. */
export const functions = new Set(['def', 'function', 'fn', 'func', 'fun', 'sub']);
const types = new Set(['class', 'type', 'interface', 'struct', 'enum', 'trait', 'namespace', 'module']);
const variables = new Set(['const', 'let', 'var', 'val', 'mut']);
/** Words before a bracket that does not open a parameter list. */
const control = new Set([
  'if',
  'for',
  'while',
  'switch',
  'catch',
  'return',
  'with',
  'match',
  'await',
  'elif',
  'not',
]);

/** The scope of a renamed name. */
export interface Scope {
  /** Undefined: it includes other files. */
  path?: string;
  /** A range of the document's current text. */
  from: number;
  to: number;
  /** `.name`, or `name` alone. */
  member: boolean;
}

/** Short names are used for many things. */
const MIN_LENGTH = 2;

/**
 * The scope of a name whose definition was renamed; undefined if the change was not in a definition. `document`: its
 * current state. `edits`: all of its recent ones.
 */
export function scopeOf(
  change: TokenChange,
  document: TextWithTokens,
  edits: readonly { at: number; before: string; after: string }[],
): Scope | undefined {
  const { old, now } = change;
  const [was, is] = [old[0], now[0]];
  if (old.length !== 1 || now.length !== 1 || !was?.isWord || !is?.isWord || change.quoted) return undefined;
  if (was.text.length < MIN_LENGTH || is.text.length < MIN_LENGTH) return undefined;
  const { tokens } = document;
  const index = tokens.findIndex(({ start }) => start === is.start);
  if (index < 0) return undefined;
  const scope = definedAt(index, document);
  if (!scope) return undefined;
  // Another thing is imported instead.
  if (isImported(lineAt(document.text, is.start)) && !areRelated(was.text, is.text)) return undefined;
  if (isDefined(was.text, scope, tokens)) return undefined;
  return existedBefore(is.text, scope, document, edits) ? undefined : scope;
}

/** Whether a name existed before the edits: then it is another thing, which is now used instead. */
function existedBefore(
  name: string,
  { from, to, member }: Scope,
  { tokens, languageId }: TextWithTokens,
  edits: readonly { at: number; before: string; after: string }[],
): boolean {
  const isAmong = (all: readonly Token[], isMeant: (start: number) => boolean) =>
    all.some(
      ({ text, quoted, start }, at) =>
        text === name && !quoted && (all[at - 1]?.text === '.') === member && isMeant(start),
    );
  const own = edits.filter(({ at, after }) => at < to && at + after.length > from);
  const isWritten = (start: number) => own.some(({ at, after }) => start >= at && start < at + after.length);
  return (
    isAmong(tokens, (start) => start >= from && start < to && !isWritten(start)) ||
    own.some(({ before }) => isAmong(tokensOf(before, languageId), () => true))
  );
}

/** The scopes of the names defined at these tokens. */
export const scopesOf = (indexes: readonly number[], document: TextWithTokens): Scope[] =>
  indexes.flatMap((index) => definedAt(index, document) ?? []);

/** The outermost function around a place or, in a class, its method; the whole text if there is none. */
export function blockAround(text: string, place: number): { from: number; to: number } {
  let head = { at: startOfLine(text, place), line: lineAt(text, place) };
  let indent = leadingWhitespace(head.line).length;
  let inside = false;
  while (indent > 0) {
    const above = enclosingHeader(text, head.at, indent);
    if (
      !above ||
      /^\s*(?:export\s+)?(?:default\s+)?(?:abstract\s+)?(?:class|interface|namespace|impl|trait|module)\b/.test(
        above.line,
      )
    )
      break;
    [head, indent, inside] = [above, above.indent, true];
  }
  return inside
    ? { from: head.at, to: bodyEnd(text, endOfLine(text, head.at), indent) }
    : { from: 0, to: text.length };
}

function definedAt(index: number, document: TextWithTokens): Scope | undefined {
  const { tokens, text, path, languageId } = document;
  const [before, token, next] = [tokens[index - 1], tokens[index]!, tokens[index + 1]];
  const whole = { from: 0, to: text.length };
  const [begin, line] = [startOfLine(text, token.start), lineAt(text, token.start)];
  const indent = leadingWhitespace(line).length;
  if (before && !before.quoted && (functions.has(before.text) || types.has(before.text)))
    return indent > 0 && functions.has(before.text) && isInClass(text, begin, indent)
      ? { ...whole, member: true }
      : indent > 0
        ? { path, ...blockOf(text, begin, indent), member: false }
        : { ...whole, member: false };
  if (before && variables.has(before.text))
    return indent === 0
      ? { ...whole, member: false }
      : { path, ...blockOf(text, begin, indent), member: false };
  if (isImported(line)) return { path, ...whole, member: false };
  const assigned = next?.text === '=' && tokens[index + 2]?.text !== '=' && languageFor(languageId).indented;
  const isFirst = text.slice(begin, token.start).trim() === '';
  if (assigned && isFirst)
    return indent === 0
      ? { path, ...whole, member: false }
      : { path, ...functionOf(text, begin, indent), member: false };
  const list = parametersAt(index, tokens, text);
  if (!list) return undefined;
  const own = leadingWhitespace(lineAt(text, list.start)).length;
  return { path, from: list.start, to: bodyEnd(text, text.indexOf('\n', list.end), own), member: false };
}

/** The brackets of the parameter list that contains a token. */
function parametersAt(
  index: number,
  tokens: readonly Token[],
  text: string,
): { start: number; end: number } | undefined {
  const [before, next] = [tokens[index - 1]?.text ?? '', tokens[index + 1]?.text ?? ''];
  if (!/^[(,*.]$/.test(before) || !/^[,):=?]$/.test(next)) return undefined;
  let [open, depth] = [index - 1, 0];
  for (; open >= 0 && index - open < 400; open -= 1) {
    const { text: sign, quoted } = tokens[open]!;
    if (quoted) continue;
    if (/^[)\]}]$/.test(sign)) depth += 1;
    else if (/^[(\]{[]$/.test(sign) && depth-- === 0) break;
  }
  if (tokens[open]?.text !== '(') return undefined;
  const close = closing(open, tokens);
  if (close === undefined) return undefined;
  const [name, word] = [tokens[open - 1], tokens[open - 2]];
  const span = { start: tokens[open]!.start, end: tokens[close]!.end };
  const isNamed = [name, word].some((token) => token && functions.has(token.text));
  const follows = tokens[close + 1];
  if (isNamed) return span;
  if (follows?.text === '=' && tokens[close + 2]?.text === '>') return span;
  if (name?.isWord && control.has(name.text)) return undefined;
  if (follows?.text === '{' && name?.isWord) return span;
  const ending = text.slice(span.end, endOfLine(text, span.end)).trimEnd();
  return follows?.text === ':' && /^\s*:.*(\{|=>)$/.test(ending) ? span : undefined;
}

function closing(open: number, tokens: readonly Token[]): number | undefined {
  let depth = 0;
  for (let at = open; at < tokens.length && at - open < 1000; at += 1) {
    const { text, quoted } = tokens[at]!;
    if (quoted) continue;
    if (/^[([{]$/.test(text)) depth += 1;
    else if (/^[)\]}]$/.test(text) && --depth === 0) return at;
  }
  return undefined;
}

/** Whether a name is still defined somewhere in a scope, so that not every use of it refers to what was renamed. */
function isDefined(name: string, { from, to, member }: Scope, tokens: readonly Token[]): boolean {
  return tokens.some(
    ({ text, quoted, start }, index) =>
      text === name &&
      !quoted &&
      start >= from &&
      start < to &&
      (functions.has(tokens[index - 1]?.text ?? '') ||
        (!member &&
          (types.has(tokens[index - 1]?.text ?? '') || variables.has(tokens[index - 1]?.text ?? '')))),
  );
}

const isImported = (line: string) =>
  /^\s*(?:import\b|from\b.*\bimport\b|use\s|export\b.*\bfrom\b)/.test(line);

/** Whether two names have a word in common: `loadFile` and `file_path`. */
function areRelated(a: string, b: string): boolean {
  const wordsOf = (name: string) =>
    name
      .replace(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})/gu, '_')
      .toLowerCase()
      .split(/[_$]+/)
      .filter((word) => word.length >= MIN_LENGTH);
  const words = new Set(wordsOf(a));
  return wordsOf(b).some((word) => words.has(word)) || a.includes(b) || b.includes(a);
}

/** Whether the nearest less indented line above begins a class. */
function isInClass(text: string, from: number, indent: number): boolean {
  const head = enclosingHeader(text, from, indent);
  return head !== undefined && /\b(class|interface|trait|impl|struct)\b/.test(head.line);
}

/** The nearest less indented line above `from`. */
function enclosingHeader(
  text: string,
  from: number,
  indent: number,
): { at: number; line: string; indent: number } | undefined {
  for (let end = from - 1; end > 0;) {
    const begin = startOfLine(text, end);
    const line = text.slice(begin, end);
    const own = leadingWhitespace(line).length;
    if (line.trim() && own < indent && !/^\s*[)\]}]/.test(line)) return { at: begin, line, indent: own };
    if (begin === 0) return undefined;
    end = begin - 1;
  }
  return undefined;
}

/** The rest of the block that contains a line. */
function blockOf(text: string, from: number, indent: number): { from: number; to: number } {
  return { from, to: bodyEnd(text, from, indent - 1) };
}

/** The function that contains a line. */
function functionOf(text: string, from: number, indent: number): { from: number; to: number } {
  let [at, own] = [from, indent];
  for (;;) {
    const head = enclosingHeader(text, at, own);
    if (!head) return { from: 0, to: text.length };
    if (/\b(?:def|function|fn|func|fun|class)\b/.test(head.line))
      return { from: head.at, to: bodyEnd(text, endOfLine(text, head.at), head.indent) };
    [at, own] = [head.at, head.indent];
  }
}

/** The end of the lines after `from` that are indented more than `indent`, including a closing bracket. */
function bodyEnd(text: string, from: number, indent: number): number {
  if (from < 0) return text.length;
  let at = text[from] === '\n' ? from + 1 : from;
  for (let first = true; at < text.length; first = false) {
    const to = endOfLine(text, at);
    const line = text.slice(at, to);
    const closes = /^\s*[)\]}]/.test(line);
    if (line.trim() && leadingWhitespace(line).length <= indent && !closes && !(first && text[from] !== '\n'))
      return at;
    if (closes && leadingWhitespace(line).length <= indent && !/[{(:[]\s*$/.test(line)) return to;
    at = to + 1;
  }
  return text.length;
}
