/** Recognises renames: whether a change renamed a definition, and where that name is in scope. */
import { embeddedAt, languageFor, type Language } from '../completion/code/languages.ts';
import { leadingWhitespace } from '../completion/code/text.ts';
import type { TokenChange } from './changes.ts';
import { endOfLine, lineAt, startOfLine } from './lines.ts';
import { tokensOf, wholeWord, type TextWithTokens, type Token } from './tokens.ts';

/** Keywords that are followed by a newly defined name. */
export const functions = new Set(['def', 'function', 'fn', 'func', 'fun', 'sub']);
const types = new Set(['class', 'type', 'interface', 'struct', 'enum', 'trait', 'namespace', 'module']);
const variables = new Set(['const', 'let', 'var', 'val', 'mut']);
/** What follows the name of a type where it is defined, on the same line. */
const typeHead =
  /^(?:[{:(=<]|extends|implements|final|sealed|permits|with|where|private|internal|constructor)$/;
/** The text before a name that is defined by destructuring. */
export const destructuring = /^\s*(?:export\s+)?(?:const|let|var|val)\s*[[{(][^=]*$/;
/** Lines that import names. */
const imports = [
  /^\s*(?:import\b|from\s+\S+\s+import\b|(?:pub\s+)?use\s|using\s[\w.:\s]+;)/,
  /^\s*export\s*(?:type\s*)?[{*].*\bfrom\b/,
  /^\s*(?:const|let|var)\b[^=]*=\s*\(?(?:await\s+)?(?:require|import)\(/,
];
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
  /** The file that defines it, and a range of its current text. */
  path: string;
  from: number;
  to: number;
  /** `.name`, or `name` alone. */
  member: boolean;
  /** Whether other files may use it. */
  isShared: boolean;
}

/** Extensions of files that may use each other's definitions. */
const families = [
  ['js', 'cjs', 'mjs', 'jsx', 'ts', 'cts', 'mts', 'tsx', 'vue', 'svelte', 'astro', 'html'],
  ['c', 'h', 'cc', 'cpp', 'cxx', 'hh', 'hpp', 'hxx', 'inl', 'ipp', 'tpp', 'm', 'mm', 'cu', 'cuh'],
  ['java', 'kt', 'kts', 'scala', 'groovy', 'gradle'],
  ['py', 'pyi'],
  ['cs', 'razor', 'cshtml'],
  ['rb', 'erb', 'rake'],
  ['php', 'phtml'],
];

/** Files of the same family may use each other's definitions. */
export function familyOf(path: string): string {
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return families.find((family) => family.includes(extension))?.[0] ?? extension;
}

/** Whether a file can use names of others only if it imports them. */
export const isScript = (path: string): boolean => familyOf(path) === 'js';

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
  const { tokens, text, path } = document;
  const index = tokens.findIndex(({ start }) => start === is.start);
  const scope = index < 0 ? undefined : definedAt(index, document);
  if (!scope) return undefined;
  const line = lineAt(text, is.start);
  // Another thing is imported instead.
  if (isImportLine(line) && !definedBy(index, document) && !areRelated(was.text, is.text)) return undefined;
  if (isDefined(was.text, scope, document)) return undefined;
  if (existedBefore(is.text, scope, document, edits)) return undefined;
  const isHidden = isScript(path) && !scope.member && !isExported([was.text, is.text], line, text);
  return { ...scope, isShared: scope.isShared && !isHidden };
}

/** Whether a script exports a name that this line defines; the list of exports may have its old one. */
function isExported(names: readonly string[], line: string, text: string): boolean {
  const name = wholeWord(...names);
  const lists = `\\bexport\\s*(?:type\\s*)?\\{[^}]*${name}|\\bexport\\s+default\\s+${name}|\\bexports\\b[^;}]*${name}`;
  return /^export\b/.test(line) || new RegExp(lists, 'u').test(text);
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

/** The scope of the name that is defined at a token; undefined if none is. */
function definedAt(index: number, document: TextWithTokens): Scope | undefined {
  const scope = scopeAt(index, document);
  if (!scope) return undefined;
  // A sentence has the same words.
  const { prose, markup } = languageAt(document, document.tokens[index]!.start);
  return prose || markup ? undefined : scope;
}

function scopeAt(index: number, document: TextWithTokens): Scope | undefined {
  const { tokens, text, path, languageId } = document;
  const [before, token, next] = [tokens[index - 1], tokens[index]!, tokens[index + 1]];
  const whole = { path, from: 0, to: text.length, member: false, isShared: false };
  const [begin, line] = [startOfLine(text, token.start), lineAt(text, token.start)];
  const head = text.slice(begin, token.start);
  const indent = leadingWhitespace(line).length;
  if (isImportLine(line)) return whole;
  const kind = definedBy(index, document);
  if (kind === 'function' && indent > 0 && isInClass(text, begin, indent))
    return { ...whole, member: true, isShared: true };
  if (kind || (destructuring.test(head) && /^[,}\])]$/.test(next?.text ?? '')))
    return indent === 0 ? { ...whole, isShared: true } : { ...whole, ...blockOf(text, begin, indent) };
  // A line of a call may also begin like this.
  const isArgument = before && !before.quoted && /^[(,[{]$/.test(before.text);
  const assigned = next?.text === '=' && tokens[index + 2]?.text !== '=' && !head.trim() && !isArgument;
  if (assigned && languageFor(languageId).indented)
    return indent === 0 ? whole : { ...whole, ...functionOf(text, begin, indent) };
  const list = parametersAt(index, document);
  if (!list) return undefined;
  const own = leadingWhitespace(lineAt(text, list.start)).length;
  return { ...whole, from: list.start, to: bodyEnd(text, text.indexOf('\n', list.end), own) };
}

/** The language of a place: in a page, that of the script or style around it. */
export const languageAt = ({ text, languageId }: TextWithTokens, place: number): Language =>
  languageFor(embeddedAt({ before: text.slice(0, place), languageId }).languageId);

/**
 * What the keyword before a name defines. Undefined if there is none, or if it only stands before the name of a type:
 * `const Widget& w`, `struct page *p`, `&mut Foo`.
 */
function definedBy(index: number, document: TextWithTokens): 'function' | 'type' | 'variable' | undefined {
  const { tokens, text } = document;
  const [keyword, token, next] = [tokens[index - 1], tokens[index]!, tokens[index + 1]];
  if (!keyword || keyword.quoted || text.slice(keyword.end, token.start).includes('\n')) return undefined;
  const follows = next?.text ?? '';
  if (functions.has(keyword.text)) return 'function';
  if (types.has(keyword.text)) {
    const isLast = text.slice(token.end, next?.start).includes('\n') && !/^[,;)}*&]$/.test(follows);
    // Anything may follow in Go, but not in a list of imports: `{ type Options }`.
    const isHead = keyword.text === 'type' ? !/^[,;)}]$/.test(follows) : isLast || typeHead.test(follows);
    return isHead ? 'type' : undefined;
  }
  const isPath = follows === ':' && tokens[index + 2]?.text === ':';
  if (!variables.has(keyword.text) || isPath || /^[({]$/.test(follows)) return undefined;
  if (keyword.text === 'mut' && tokens[index - 2]?.text !== 'let') return undefined;
  const isType =
    keyword.text === 'const' && !languageAt(document, token.start).templates && !/^[=:]$/.test(follows);
  return isType ? undefined : 'variable';
}

/** The brackets of the parameter list that contains a token. */
function parametersAt(index: number, document: TextWithTokens): { start: number; end: number } | undefined {
  const { tokens, text } = document;
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
  // Elsewhere, a call may stand before a block: `if check(name) {`.
  const { templates } = languageAt(document, span.start);
  if (!templates || (name?.isWord && control.has(name.text))) return undefined;
  if (follows?.text === '{' && name?.isWord) return span;
  const ending = text.slice(span.end, endOfLine(text, span.end)).trimEnd();
  return follows?.text === ':' && /^\s*:.*(\{|=>)$/.test(ending) ? span : undefined;
}

/** The bracket that closes the one at `open`; undefined if it is far away. */
export function closing(open: number, tokens: readonly Token[]): number | undefined {
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
function isDefined(name: string, { from, to, member }: Scope, document: TextWithTokens): boolean {
  return document.tokens.some(({ text, quoted, start }, index) => {
    if (text !== name || quoted || start < from || start >= to) return false;
    const kind = definedBy(index, document);
    return member ? kind === 'function' : kind !== undefined;
  });
}

export const isImportLine = (line: string): boolean => imports.some((pattern) => pattern.test(line));

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
export function enclosingHeader(
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
