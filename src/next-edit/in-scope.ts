/** Whether a replacement makes sense at its place: its names are known there, and it doesn't define itself. */
import type { Replacement } from './edit.ts';
import { blockAround, scopesOf } from './rename.ts';
import { tokensOf, type TextWithTokens, type Token } from './tokens.ts';

/** Names with more occurrences are not looked up. */
const MAX_PLACES = 500;

/** Whether a replacement makes sense. */
export function isSensible(part: Replacement, document: TextWithTokens): boolean {
  const { text, languageId } = document;
  const { start, end } = part;
  const namesOf = (code: string) => plainNames(tokensOf(code, languageId), text[start - 1] === '.');
  const old = new Set(namesOf(text.slice(start, end)));
  const newNames = namesOf(part.text).filter((name) => !old.has(name));
  if (!isName(part.text) && isBinding(part, text)) return false;
  return newNames.every((name) => !definesItself(name, part, text) && isKnown(name, part, document));
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
  const line = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  return isName(text.slice(start, end)) && /^\s*(?:const|let|var|val)\s*[[{(][^=]*$/.test(line);
}

/** Whether the name would be used in its own definition: `name = name[0]`. */
function definesItself(word: string, { start, end, text: written }: Replacement, text: string): boolean {
  const to = text.indexOf('\n', end);
  const line = [
    text.slice(text.lastIndexOf('\n', start - 1) + 1, start),
    written,
    text.slice(end, to < 0 ? text.length : to),
  ].join('');
  const [, name, rest] = definition.exec(line) ?? [];
  return (
    name === word &&
    new RegExp(`(?<![\\p{L}\\p{N}_$])${word.replaceAll('$', '\\$')}(?![\\p{L}\\p{N}_$])`, 'u').test(rest!)
  );
}

const definition =
  /^\s*(?:(?:export|const|let|var|val|final|private|public|protected|static|readonly)\s+)*([\p{L}_$][\p{L}\p{N}_$]*)\s*(?::[^=]*)?=(?![=>])(.*)/su;

/** False for a name that is known only in another function, such as a parameter or a local variable. */
function isKnown(word: string, { start, end }: Replacement, document: TextWithTokens): boolean {
  const { tokens, text } = document;
  const places = tokens.flatMap((token, index) => (token.text === word && !token.quoted ? [index] : []));
  const elsewhere = places.filter((index) => tokens[index]!.start < start || tokens[index]!.start >= end);
  const block = blockAround(text, start);
  if (elsewhere.some((index) => tokens[index]!.start >= block.from && tokens[index]!.start < block.to))
    return true;
  if (elsewhere.length > MAX_PLACES) return true;
  const scopes = scopesOf(elsewhere, document);
  return scopes.length === 0 || scopes.some(({ from, to }) => from <= start && start < to);
}
