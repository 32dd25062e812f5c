/** Whether a replacement makes sense at its place: its names are known there, and it doesn't define itself. */
import type { Replacement } from './edit.ts';
import { endOfLine, lineAt, startOfLine } from './lines.ts';
import type { Why } from './pattern.ts';
import { blockAround, destructuring, isImportLine, scopesOf } from './rename.ts';
import { commonWords } from './shape.ts';
import { tokensOf, wholeWord, type TextWithTokens, type Token } from './tokens.ts';

/** Names with more occurrences are not looked up. */
const MAX_PLACES = 500;

/** Whether a replacement makes sense. `why`: where it comes from. */
export function isSensible(part: Replacement, document: TextWithTokens, why: Why): boolean {
  const { text, languageId } = document;
  const { start, end } = part;
  const namesOf = (code: string) => plainNames(tokensOf(code, languageId), text[start - 1] === '.');
  const [old, now] = [text.slice(start, end), part.text].map((code) => new Set(namesOf(code)));
  const newNames = [...now!].filter((name) => !old!.has(name));
  const lostNames = [...old!].filter((name) => !now!.has(name));
  if (!isName(part.text) && isBinding(part, text)) return false;
  // Each file imports what it uses.
  if (isImportLine(lineAt(text, start))) {
    const isUsed = (name: string) =>
      document.tokens.some((token) => token.text === name && (token.start < start || token.start >= end));
    if (lostNames.length === 0 && newNames.length > 0) return newNames.every(isUsed);
    if (newNames.length === 0 && lostNames.length > 0) return !lostNames.some(isUsed);
  }
  return newNames.every((name) => !definesItself(name, part, text) && isKnown(name, part, document, why));
}

/** Names that are neither members nor keyword arguments. */
const plainNames = (tokens: readonly Token[], afterDot: boolean): string[] =>
  tokens
    .filter(
      ({ isWord, quoted }, index) =>
        isWord &&
        !quoted &&
        !(index === 0 ? afterDot : tokens[index - 1]!.text === '.') &&
        !(tokens[index + 1]?.text === '=' && tokens[index + 2]?.text !== '='),
    )
    .map(({ text }) => text);

const isName = (text: string) => /^[\p{L}\p{N}_$]*$/u.test(text);

/** Whether a replaced name is being destructured, that is defined there: `const [name] = names`. */
function isBinding({ start, end }: Replacement, text: string): boolean {
  return isName(text.slice(start, end)) && destructuring.test(text.slice(startOfLine(text, start), start));
}

/** Whether the name would be used in its own definition: `name = name[0]`. */
function definesItself(word: string, { start, end, text: written }: Replacement, text: string): boolean {
  const line = text.slice(startOfLine(text, start), start) + written + text.slice(end, endOfLine(text, end));
  const [, name, rest] = definition.exec(line) ?? [];
  return name === word && new RegExp(wholeWord(word), 'u').test(rest!);
}

const definition =
  /^\s*(?:(?:export|const|let|var|val|final|private|public|protected|static|readonly)\s+)*([\p{L}_$][\p{L}\p{N}_$]*)\s*(?::[^=]*)?=(?![=>])(.*)/su;

/**
 * False for a name that is known only in another function, such as a parameter or a local variable, and for an argument
 * that the file doesn't know at all.
 */
function isKnown(word: string, { start, end }: Replacement, document: TextWithTokens, why: Why): boolean {
  const { tokens, text } = document;
  const places = tokens.flatMap((token, index) => (token.text === word && !token.quoted ? [index] : []));
  const elsewhere = places.filter((index) => tokens[index]!.start < start || tokens[index]!.start >= end);
  if (elsewhere.length === 0) return why !== 'argument' || commonWords.has(word);
  const block = blockAround(text, start);
  if (elsewhere.some((index) => tokens[index]!.start >= block.from && tokens[index]!.start < block.to))
    return true;
  if (elsewhere.length > MAX_PLACES) return true;
  const scopes = scopesOf(elsewhere, document);
  return scopes.length === 0 || scopes.some(({ from, to }) => from <= start && start < to);
}
