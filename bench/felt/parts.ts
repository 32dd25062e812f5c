/** Snippets for the prompt, from the extension's index over the files of the old release. */
import { resolve } from 'node:path';
import { defaultBudget, INDEX_WINDOW, type PartsSource } from '../../src/completion/index.ts';
import { FolderIndex } from '../../src/repository/folder-index.ts';
import { SymbolParser } from '../../src/repository/parser.ts';

/** Indexes `folder`. Without a user and an editor, there are no edits elsewhere. */
export async function partsOf(folder: string, signal: AbortSignal): Promise<PartsSource> {
  const onProblem = console.error;
  const parser = await SymbolParser.open({ folder: resolve('dist/grammars'), onProblem });
  const index = await FolderIndex.open(folder, { parser, signal, onProblem });
  await index.scan();
  const { before, after } = defaultBudget;
  return (document, budget) =>
    Promise.resolve(
      index.parts({
        path: document.path,
        languageId: document.languageId,
        budget,
        edits: [],
        shown: { before, after },
        line: document.before.split('\n').length - 1,
        before: document.before.slice(-INDEX_WINDOW.before),
        after: document.after.slice(0, INDEX_WINDOW.after),
      }),
    );
}
