/**
 * The parts of other files that the editor's index would give at a cursor, chosen from the corpus by the same code. The
 * corpus and not the folder, which may have changed since, or not be on this machine.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../base-models/llama.ts';
import { defaultBudget, SimilarWindows, type CursorDocument, type PartsSource } from '../completion/index.ts';
import { kindOf } from '../corpus/reading/kinds.ts';
import { WINDOW_LINES } from '../repository/candidates.ts';
import { chooseParts } from '../repository/choose.ts';
import { SymbolParser } from '../repository/parser.ts';
import { RepositoryIndex } from '../repository/repository-index.ts';
import type { CorpusFile } from './corpus-files.ts';

/** Characters around the cursor that the editor tells its index. */
export const NEAR = { before: 16_000, after: 4000 };
/** Characters of text that are indexed; of more, the files that come first. Takes some ten seconds. */
const MOST_CHARACTERS = 30_000_000;

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
    for (const { path, text } of files.values()) {
      signal?.throwIfAborted();
      if (kindOf(path) !== 'code') continue;
      const own = text();
      if ((characters += own.length) > MOST_CHARACTERS) break;
      await index.put(path, own);
    }
    return index;
  }

  private async put(path: string, text: string): Promise<void> {
    this.index.update(path, { ...(await this.parser.symbolsIn(path, text)), mtimeMs: 0, size: text.length });
  }

  /**
   * A source of parts for a cursor in the file at `path`, whose text is `text` meanwhile: without what is to be
   * completed there.
   */
  async sourceAt(path: string, text: string): Promise<PartsSource> {
    await this.put(path, text);
    const { before, after } = defaultBudget;
    const repository = {
      index: this.index,
      text: (other: string) => (other === path ? text : this.files.get(other)?.text()),
      together: () => [],
      windows: this.windows,
    };
    return (document: CursorDocument, budget) => {
      const { before: above, languageId } = document;
      const asked = {
        ...{ path, languageId, budget, edits: [], problems: [], shown: { before, after } },
        line: text.slice(0, (document.hidden?.before ?? 0) + above.length).split('\n').length - 1,
        before: above.slice(-NEAR.before),
        after: document.after.slice(0, NEAR.after),
      };
      return Promise.resolve(chooseParts(repository, asked));
    };
  }

  /** The file at `path` is whole again. */
  async restore(path: string): Promise<void> {
    const file = this.files.get(path);
    if (file) await this.put(path, file.text());
  }
}
