import { FolderIndex, type FolderIndexOptions } from '../../../src/repository/folder-index.ts';
import { SymbolParser } from '../../../src/repository/parser.ts';
import type { Asked } from '../../../src/protocol/repository.ts';

export const grammars = 'node_modules/@vscode/tree-sitter-wasm/wasm';

export const openParser = (problems: string[] = [], folder = grammars): Promise<SymbolParser> =>
  SymbolParser.open({ folder, onProblem: (message) => problems.push(message) });

export async function openFolder(
  folder: string,
  problems: string[] = [],
  more: Partial<FolderIndexOptions> = {},
) {
  const parser = await openParser(problems);
  const onProblem = (message: string) => problems.push(message);
  return FolderIndex.open(folder, { parser, signal: new AbortController().signal, onProblem, ...more });
}

/** A request at the end of `before`. */
export const askedAt = (path: string, before: string, more: Partial<Asked> = {}): Asked => ({
  path,
  before,
  after: '',
  languageId: path.endsWith('.py') ? 'python' : 'typescript',
  line: before.split('\n').length - 1,
  budget: 2000,
  edits: [],
  shown: { before: 2400, after: 600 },
  ...more,
});
