/** Splits code into tokens, and marks those in strings and comments. */
import { endOfRegularExpression } from '../completion/code/brackets.ts';
import { languageFor, type Language } from '../completion/code/languages.ts';

export interface Token {
  text: string;
  /** Its offsets in UTF-16 units. */
  start: number;
  end: number;
  /** A name or a keyword. */
  isWord: boolean;
  /** Part of a string or of a comment. */
  quoted: boolean;
}

export interface TextWithTokens {
  path: string;
  languageId: string;
  text: string;
  tokens: readonly Token[];
}

export const withTokens = (text: Omit<TextWithTokens, 'tokens'>): TextWithTokens => ({
  ...text,
  tokens: tokensOf(text.text, text.languageId),
});

const piece = /[\p{L}_$][\p{L}\p{N}_$]*|\d[\w.]*|\s+|[^]/uy;
/** A character literal, in languages where single quotes enclose only one character. */
const character = /'(?:\\[^']+|[^\\'])'/y;

/** What the scanner is inside of. `depth`: number of open braces in the code of a template. */
type ScannerState =
  | { kind: 'code'; depth: number }
  | { kind: 'string'; close: string; template: '' | '${' | '{'; lines: boolean }
  | { kind: 'comment'; close: string };

/**
 * The tokens of a text without white space: names, numbers, and single signs. Strings and comments are split in the
 * same way, and marked; a regular expression is one marked token. Code inside templates (`${x}`, and `{x}` in Python's
 * f-strings) is code.
 */
export function tokensOf(text: string, languageId: string): Token[] {
  const language = languageFor(languageId);
  const stack: ScannerState[] = [{ kind: 'code', depth: 0 }];
  const tokens: Token[] = [];
  const add = (start: number, end: number, quoted: boolean) => {
    const word = text.slice(start, end);
    tokens.push({ text: word, start, end, isWord: /^[\p{L}_$]/u.test(word), quoted });
  };
  for (let at = 0; at < text.length;) {
    const inside = stack.at(-1)!;
    const opened = inside.kind === 'code' ? opens(text, at, language, tokens.at(-1)) : undefined;
    if (opened) {
      add(at, at + opened.length, true);
      if (opened.inside) stack.push(opened.inside);
      at += opened.length;
      continue;
    }
    if (inside.kind !== 'code' && text.startsWith(inside.close, at)) {
      // A line end is not a token.
      if (inside.close !== '\n') add(at, at + inside.close.length, true);
      stack.pop();
      at += inside.close.length;
      continue;
    }
    if (inside.kind === 'string' && inside.template && text.startsWith(inside.template, at)) {
      add(at, at + inside.template.length, true);
      stack.push({ kind: 'code', depth: 0 });
      at += inside.template.length;
      continue;
    }
    piece.lastIndex = at;
    const found = piece.exec(text)![0];
    if (found.trim()) at = addToken(found, at, stack, add);
    else at = skipWhitespace(found, at, stack);
  }
  return tokens;
}

/** The source of a pattern, for the flag `u`, of any of these names as a whole word. */
export const wholeWord = (...names: readonly string[]): string =>
  `(?<![\\p{L}\\p{N}_$])(?:${names.join('|').replaceAll('$', '\\$')})(?![\\p{L}\\p{N}_$])`;

type Add = (start: number, end: number, quoted: boolean) => void;

/** Adds a token, and leaves a template's code where that ends. */
function addToken(found: string, at: number, stack: ScannerState[], add: Add): number {
  const inside = stack.at(-1)!;
  if (inside.kind === 'string' && found === '\\') {
    add(at, at + 1, true);
    return at + 1;
  }
  add(at, at + found.length, inside.kind !== 'code');
  if (inside.kind === 'code') {
    if (found === '{') inside.depth += 1;
    else if (found === '}') {
      if (inside.depth === 0 && stack.length > 1) stack.pop();
      else inside.depth = Math.max(0, inside.depth - 1);
    }
  }
  return at + found.length;
}

/** Skips white space. A line break ends single-line comments and strings. */
function skipWhitespace(space: string, at: number, stack: ScannerState[]): number {
  const breaks = space.indexOf('\n');
  if (breaks < 0) return at + space.length;
  const inside = stack.at(-1)!;
  if (inside.kind === 'string' && !inside.lines) stack.pop();
  else if (inside.kind === 'comment' && inside.close === '\n') stack.pop();
  return at + breaks + 1;
}

function opens(
  text: string,
  at: number,
  { lineComments, blockComment, indented, prose, templates, characters }: Language,
  before: Token | undefined,
): { length: number; inside?: ScannerState } | undefined {
  const mark = lineComments.find((marker) => text.startsWith(marker, at));
  if (mark) return { length: mark.length, inside: { kind: 'comment', close: '\n' } };
  if (blockComment && text.startsWith(blockComment[0], at))
    return { length: blockComment[0].length, inside: { kind: 'comment', close: blockComment[1] } };
  const quote = text[at]!;
  if (quote === '/' && templates) {
    // After a brace it is more likely part of a tag: `a={b} />`, `{page}/{pages}</b>`.
    const end = before?.text === '}' ? undefined : endOfRegularExpression(text, at);
    return end === undefined ? undefined : { length: end - at };
  }
  if (prose || !['"', "'", '`'].includes(quote)) return undefined;
  if (quote === '`')
    return templates
      ? { length: 1, inside: { kind: 'string', close: quote, template: '${', lines: true } }
      : undefined;
  if (quote === "'" && characters) {
    character.lastIndex = at;
    const found = character.exec(text)?.[0];
    return found ? { length: found.length } : undefined;
  }
  const formatted = indented && before?.end === at && /^(?:f|rf|fr)$/i.test(before.text);
  const triple = indented && text.startsWith(quote.repeat(3), at);
  const close = triple ? quote.repeat(3) : quote;
  const inside = { kind: 'string', close, template: formatted ? '{' : '', lines: triple } as const;
  return { length: close.length, inside };
}
