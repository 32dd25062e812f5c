/** Where a renamed name means what was renamed: in which files, and at which of its places. */
import { languageFor } from '../completion/code/languages.ts';
import { lineAt, startOfLine } from './lines.ts';
import type { TokenPattern } from './pattern.ts';
import {
  closing,
  enclosingHeader,
  familyOf,
  isImportLine,
  isScript,
  languageAt,
  scopesOf,
} from './rename.ts';
import { wholeWord, type TextWithTokens, type Token } from './tokens.ts';

/** Whether a document may use what was renamed; true for patterns that are no rename. */
export function reaches({ scope, steps }: TokenPattern, { path, text }: TextWithTokens): boolean {
  if (!scope || scope.path === path) return true;
  if (!scope.isShared || familyOf(scope.path) !== familyOf(path)) return false;
  const { old, now } = steps[0]!;
  // The import may have its new name already.
  return scope.member || !isScript(path) || isImported([...old, ...now], text, scope.path);
}

/** Whether a script imports one of these names, or passes it on, from what may be the file at a path. */
function isImported(names: readonly string[], text: string, from: string): boolean {
  const name = wholeWord(...names);
  const lists = [
    `\\b(?:import|export)\\b[^:;'"()=]*${name}[^:;'"()=]*\\bfrom\\b\\s*["']?([^"'\\n]*)`,
    `\\b(?:import|const|let|var)\\b[^;'"()=]*${name}[^;'"()=]*=\\s*\\(?(?:await\\s+import|require)\\b[\\s("']*([^"'\\n]*)`,
  ];
  const found = [...text.matchAll(new RegExp(lists.join('|'), 'gu'))];
  return found.some(([, imported, required]) => mayExport(imported ?? required ?? '', from));
}

/** Whether a module may pass on what the file at a path exports: as that file, an index, a folder around it or a package. */
function mayExport(module: string, path: string): boolean {
  const name = module.slice(module.lastIndexOf('/') + 1).replace(/\.\w+$/, '');
  // The editor writes other characters of a path in its own way.
  const isPlain = /^[\w.-]+$/.test(name) && !/^(?:\.+|index)$/.test(name);
  if (!/^\.\.?\//.test(module) || !isPlain) return true;
  return path.split('/').some((part) => part === name || part.startsWith(`${name}.`));
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

/** Whether the name at this place is the renamed one, as opposed to a member, a key, a label or an attribute. */
export function isInScope({ scope }: TokenPattern, document: TextWithTokens, at: number): boolean {
  const { tokens, path } = document;
  const { start } = tokens[at]!;
  if (scope!.path === path && (start < scope!.from || start >= scope!.to)) return false;
  if (scope!.member || isMember(tokens, at)) return scope!.member && isMember(tokens, at);
  return !isLabel(document, at) && !isMemberOfScript(document, at);
}

/** The code token at an index; empty if there is none, or part of a string or comment. */
function codeAt(tokens: readonly Token[], at: number): string {
  const token = tokens[at];
  return token && !token.quoted ? token.text : '';
}

/** Languages besides Python in which `=` follows the label of an argument. */
const labelled = ['kotlin', 'scala', 'r'];
/** Languages in which `:` after a name calls a method of it or makes a range. */
const withoutKeys = ['lua', 'luau', 'r', 'julia'];

/** Whether a name is the label of an argument, or a key. */
function isLabel({ tokens, languageId }: TextWithTokens, at: number): boolean {
  const [before, next, afterNext] = [codeAt(tokens, at - 1), codeAt(tokens, at + 1), codeAt(tokens, at + 2)];
  const python = languageFor(languageId).indented;
  if (/^[(,]$/.test(before) && next === '=' && afterNext !== '=')
    return python || labelled.includes(languageId);
  if (python || withoutKeys.includes(languageId)) return false;
  // Two colons make a path: `Name::of`.
  return next === ':' && afterNext !== ':' && /^[({,;]$/.test(before);
}

/** The text before a member's name that has modifiers. */
const modified =
  /\b(?:public|private|protected|static|override|abstract|readonly|declare|accessor|async|get|set)\s+\*?$/;
const classHead =
  /^\s*(?:(?:export|default|declare|abstract)\s+)*(?:class|interface)\s|(?:[=>(]|\breturn)\s*class\b.*\{\s*$/;

/** In a script, whether a name is that of a class's or an object's member where it is defined; in tags, an attribute. */
function isMemberOfScript(document: TextWithTokens, at: number): boolean {
  const { tokens, text, languageId } = document;
  const { start, end } = tokens[at]!;
  const { templates, markup } = languageAt(document, start);
  const mayHaveTags = (templates || markup) && languageId !== 'typescript';
  if (mayHaveTags && /^=["'{]/.test(text.slice(end, end + 2))) return true;
  if (!templates) return false;
  const [before, next] = [codeAt(tokens, at - 1), codeAt(tokens, at + 1)];
  if (before === '#' || (next === '?' && codeAt(tokens, at + 2) === ':')) return true;
  const begin = startOfLine(text, start);
  const head = text.slice(begin, start);
  // In `readonly Name[]` it is a type.
  if (modified.test(head) && !/^[[.]$/.test(next)) return true;
  const close = next === '(' ? closing(at + 1, tokens) : undefined;
  if (close !== undefined && codeAt(tokens, close + 1) === '{' && /^[{,]$/.test(before)) return true;
  // What follows a question mark is part of a condition.
  if (before === '?') return false;
  if (close !== undefined && isMethod(document, at, close)) return true;
  return (
    !head.trim() && (next === ':' || classHead.test(enclosingHeader(text, begin, head.length)?.line ?? ''))
  );
}

const modifiers = /^\s*(?:(?:public|private|protected|static|async|override|abstract|get|set|export)\s+)*$/;

/** Whether a name with its brackets, which close at `close`, is a method where it is defined: `f(): void {`. */
export function isMethod({ tokens, text, languageId }: TextWithTokens, at: number, close: number): boolean {
  const { start } = tokens[at]!;
  return (
    !languageFor(languageId).indented &&
    /^[{:]$/.test(tokens[close + 1]?.text ?? '') &&
    modifiers.test(text.slice(startOfLine(text, start), start))
  );
}
