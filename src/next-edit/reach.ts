/** Where a renamed name means what was renamed: in which files, and at which of its places. */
import { languageFor } from '../completion/code/languages.ts';
import { lineAt } from './lines.ts';
import type { TokenPattern } from './pattern.ts';
import { familyOf, isImportLine, isScript, scopesOf } from './rename.ts';
import { wholeWord, type TextWithTokens, type Token } from './tokens.ts';

/** Whether a document may use what was renamed; true for patterns that are no rename. */
export function reaches({ scope, steps }: TokenPattern, { path, text }: TextWithTokens): boolean {
  if (!scope || scope.path === path) return true;
  if (!scope.isShared || familyOf(scope.path) !== familyOf(path)) return false;
  const { old, now } = steps[0]!;
  // The import may have its new name already.
  return scope.member || !isScript(path) || isImported([...old, ...now], text);
}

/** Whether a script imports one of these names, or passes it on. */
function isImported(names: readonly string[], text: string): boolean {
  const name = wholeWord(...names);
  const lists = [
    `\\b(?:import|export)\\b[^:;'"()=]*${name}[^:;'"()=]*\\bfrom\\b`,
    `\\b(?:import|const|let|var)\\b[^;'"()=]*${name}[^;'"()=]*=\\s*\\(?(?:await\\s+import|require)\\b`,
  ];
  return new RegExp(lists.join('|'), 'u').test(text);
}

/** The parts of a document where a renamed name means something else, because it is defined there once more. */
export function shadowsOf(
  { scope, steps }: TokenPattern,
  document: TextWithTokens,
): { from: number; to: number }[] {
  if (!scope || scope.member) return [];
  const { tokens, text, path } = document;
  const isAround = ({ from, to }: { from: number; to: number }) =>
    path === scope.path && from <= scope.from && to >= scope.to;
  return tokens.flatMap((token, index) => {
    if (token.text !== steps[0]!.old[0] || token.quoted || isMember(tokens, index)) return [];
    if (isImportLine(lineAt(text, token.start))) return [];
    return scopesOf([index], document).flatMap((other) => {
      // A method is accessed as a member, so renaming a plain name does not affect it.
      if (other.member) return [{ from: token.start, to: token.end }];
      return isAround(other) ? [] : [other];
    });
  });
}

const isMember = (tokens: readonly Token[], at: number): boolean =>
  tokens[at - 1]?.text === '.' && tokens[at - 2]?.text !== '.';

/**
 * Whether the name at this place is the renamed one, as opposed to another object's member, a keyword argument or a
 * key.
 */
export function isInScope(
  { scope }: TokenPattern,
  { tokens, path, languageId }: TextWithTokens,
  at: number,
): boolean {
  const { start } = tokens[at]!;
  const [before, next] = [tokens[at - 1]?.text ?? '', tokens[at + 1]?.text ?? ''];
  if (scope!.path === path && (start < scope!.from || start >= scope!.to)) return false;
  if (scope!.member || isMember(tokens, at)) return scope!.member && isMember(tokens, at);
  const inList = before === '(' || before === ',';
  const python = languageFor(languageId).indented;
  if (python && inList && next === '=' && tokens[at + 2]?.text !== '=') return false;
  return python || !(next === ':' && /^[{,;]$/.test(before));
}
