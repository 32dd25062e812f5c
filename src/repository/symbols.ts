/** Extracts what a file defines and uses from its syntax tree. */
import type { Node, QueryMatch } from '@vscode/tree-sitter-wasm';
import { nameHash, namesUsed } from './names.ts';

export const kinds = ['function', 'class', 'type', 'value'] as const;
export type DefinitionKind = (typeof kinds)[number];

/** Lines are numbered from 0; ranges include their last line. */
export interface Definition {
  /** See nameHash. */
  name: number;
  kind: DefinitionKind;
  line: number;
  /** Last line of the signature: everything before the body, in complete lines. */
  signatureEnd: number;
  end: number;
}

/** Numbers only, so that a large repository takes little memory. */
export interface FileSymbols {
  /** Five numbers for each definition, in the order of their lines: see definitionAt. */
  definitions: Uint32Array;
  /** Hashes of all names in the file, ascending. */
  names: Uint32Array;
}

const FIELDS = 5;
/** Limit per file: a file with more is generated. */
const MAX_DEFINITIONS = 2000;

export const definitionCount = ({ definitions }: FileSymbols): number => definitions.length / FIELDS;

export const nameAt = ({ definitions }: FileSymbols, index: number): number => definitions[index * FIELDS]!;

export function definitionAt({ definitions }: FileSymbols, index: number): Definition {
  const [name, kind, line, signatureEnd, end] = definitions.subarray(index * FIELDS, (index + 1) * FIELDS);
  return { name: name!, kind: kinds[kind!]!, line: line!, signatureEnd: signatureEnd!, end: end! };
}

export const definitionsOf = (symbols: FileSymbols): Definition[] =>
  Array.from({ length: definitionCount(symbols) }, (_, index) => definitionAt(symbols, index));

/** `matches`: of the language's query for definitions; see languages/language.ts. */
export function symbolsOf(text: string, matches: readonly QueryMatch[]): FileSymbols {
  const found = new Map<number, Definition>();
  for (const match of matches) {
    const definition = definitionOf(match);
    if (!definition) continue;
    // Of two patterns matching at one place, the one with a body is more informative.
    const place = definition.line * 2 ** 32 + definition.name;
    const other = found.get(place);
    if (!other || definition.signatureEnd < other.signatureEnd) found.set(place, definition);
    if (found.size >= MAX_DEFINITIONS) break;
  }
  const sorted = [...found.values()].sort((a, b) => a.line - b.line || b.end - a.end);
  return { definitions: packDefinitions(withoutLocals(sorted)), names: namesUsed(text) };
}

/** Leaves out what is defined within a function, because it can't be used elsewhere. */
function withoutLocals(sorted: readonly Definition[]): Definition[] {
  let functionEnd = -1;
  return sorted.filter(({ kind, line, end }) => {
    if (line <= functionEnd) return false;
    if (kind === 'function') functionEnd = end;
    return true;
  });
}

/** A file whose language has no grammar, or which does not parse: only its names are known. */
export const namesOnly = (text: string): FileSymbols => ({
  definitions: new Uint32Array(),
  names: namesUsed(text),
});

export const packDefinitions = (definitions: readonly Definition[]): Uint32Array =>
  Uint32Array.from(
    definitions.flatMap(({ name, kind, line, signatureEnd, end }) => [
      name,
      kinds.indexOf(kind),
      line,
      signatureEnd,
      end,
    ]),
  );

function definitionOf({ captures }: QueryMatch): Definition | undefined {
  let [name, body, whole]: (Node | undefined)[] = [];
  let kind: DefinitionKind | undefined;
  for (const { name: captureName, node } of captures) {
    if (captureName === 'name') name = node;
    else if (captureName === 'body') body = node;
    else [kind, whole] = [captureName as DefinitionKind, node];
  }
  if (!name || !whole || !kind) return undefined;
  const line = whole.startPosition.row;
  const end = lastRow(whole, line);
  return { name: nameHash(name.text), kind, line, signatureEnd: signatureEnd(line, end, body), end };
}

/** A node that ends at the beginning of a line does not include that line. */
function lastRow({ endPosition }: Node, first: number): number {
  return endPosition.column === 0 ? Math.max(first, endPosition.row - 1) : endPosition.row;
}

function signatureEnd(line: number, end: number, body: Node | undefined): number {
  if (!body) return end;
  const { row } = body.startPosition;
  // A brace at the end of the signature's line belongs to it; a body that begins on a separate line does not.
  return row > line && isFirstOnLine(body) ? row - 1 : row;
}

function isFirstOnLine(body: Node): boolean {
  const before = body.previousSibling;
  return !before || before.endPosition.row < body.startPosition.row;
}
