/**
 * The snippets of other files that the editor's index would give at a cursor, chosen from the corpus by the same code:
 * from the corpus, since the folder may have changed or be on another machine.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { packageRoot } from '../../llama-cpp/llama.ts';
import { defaultBudget, INDEX_WINDOW, SimilarWindows, type PartsSource } from '../../completion/index.ts';
import { WINDOW_LINES } from '../../repository/candidates.ts';
import { chooseParts } from '../../repository/choose.ts';
import { hasLongLine, isIndexed, MAX_BYTES } from '../../repository/folder-index.ts';
import { SymbolParser } from '../../repository/parser.ts';
import { RepositoryIndex } from '../../repository/repository-index.ts';
import type { CorpusFile } from './corpus-files.ts';

/** Maximum characters of text to index; files beyond that are skipped. Takes some ten seconds. */
const MAX_CHARACTERS = 30_000_000;
/** Files between two checks for cancellation. */
const YIELD_EVERY = 8;

/** Opens the parser with the grammars of this package. */
export function openParser(): Promise<SymbolParser> {
  const built = join(packageRoot(), 'dist', 'grammars');
  const folder = existsSync(built)
    ? built
    : join(packageRoot(), 'node_modules', '@vscode', 'tree-sitter-wasm', 'wasm');
  return SymbolParser.open({ folder });
}

export class CorpusIndex {
  private readonly index = new RepositoryIndex();
  private readonly windows = new SimilarWindows(WINDOW_LINES);

  private constructor(
    private readonly files: ReadonlyMap<string, CorpusFile>,
    private readonly parser: SymbolParser,
  ) {}

  /** Reads the files of one folder, by path. Throws `signal`'s reason. */
  static async open(
    files: ReadonlyMap<string, CorpusFile>,
    parser: SymbolParser,
    signal?: AbortSignal,
  ): Promise<CorpusIndex> {
    const index = new CorpusIndex(files, parser);
    let characters = 0;
    for (const [at, { path, text }] of [...files.values()].entries()) {
      if (at % YIELD_EVERY === 0) await setImmediate();
      signal?.throwIfAborted();
      // The editor's index has neither prose nor rows of a data set.
      if (!isIndexed(path)) continue;
      const content = text();
      if ((characters += content.length) > MAX_CHARACTERS) break;
      await index.put(path, content);
    }
    return index;
  }

  private async put(path: string, text: string): Promise<void> {
    if (!isIndexed(path) || Buffer.byteLength(text) > MAX_BYTES || hasLongLine(text)) return;
    this.index.update(path, { ...(await this.parser.symbolsIn(path, text)), mtimeMs: 0, size: text.length });
  }

  /**
   * A source of snippets for a cursor in the file at `path`, whose text is `text` until `restore`: without the text to
   * be completed.
   */
  async sourceAt(path: string, text: string): Promise<PartsSource> {
    await this.put(path, text);
    const { before, after } = defaultBudget;
    const repository = {
      index: this.index,
      text: (other: string) => (other === path ? text : this.files.get(other)?.text()),
      windows: this.windows,
    };
    // After a rejection the prompt lacks the snippets; an exception would end the evaluation.
    return async (document, budget) => {
      await setImmediate();
      const { before: above, languageId } = document;
      const request = {
        path,
        languageId,
        budget,
        edits: [],
        shown: { before, after },
        line: text.slice(0, (document.hidden?.before ?? 0) + above.length).split('\n').length - 1,
        before: above.slice(-INDEX_WINDOW.before),
        after: document.after.slice(0, INDEX_WINDOW.after),
      };
      return chooseParts(repository, request);
    };
  }

  /** Restores the full text of the file at `path`, if there is one. */
  async restore(path: string): Promise<void> {
    const file = this.files.get(path);
    if (file) await this.put(path, file.text());
    else this.index.remove(path);
  }
}
