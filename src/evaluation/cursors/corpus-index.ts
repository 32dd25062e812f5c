/**
 * The parts of other files that the editor's index would give at a cursor, chosen from the corpus by the same code. The
 * corpus and not the folder, which may have changed since, or not be on this machine.
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

/** Characters of text that are indexed; of more, the files that come first. Takes some ten seconds. */
const MOST_CHARACTERS = 30_000_000;
/** After so many files, a stop is heard. */
const TURN = 8;

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
      if (at % TURN === 0) await setImmediate();
      signal?.throwIfAborted();
      // Neither prose nor rows of a data set: the editor's index has none.
      if (!isIndexed(path)) continue;
      const own = text();
      if ((characters += own.length) > MOST_CHARACTERS) break;
      await index.put(path, own);
    }
    return index;
  }

  private async put(path: string, text: string): Promise<void> {
    if (!isIndexed(path) || Buffer.byteLength(text) > MAX_BYTES || hasLongLine(text)) return;
    this.index.update(path, { ...(await this.parser.symbolsIn(path, text)), mtimeMs: 0, size: text.length });
  }

  /**
   * A source of parts for a cursor in the file at `path`, whose text is `text` until `restore`: without what is to be
   * completed there.
   */
  async sourceAt(path: string, text: string): Promise<PartsSource> {
    await this.put(path, text);
    const { before, after } = defaultBudget;
    const repository = {
      index: this.index,
      text: (other: string) => (other === path ? text : this.files.get(other)?.text()),
      coChanged: () => [],
      windows: this.windows,
    };
    // A rejection costs the prompt its parts; an exception would end the measuring.
    return async (document, budget) => {
      await setImmediate();
      const { before: above, languageId } = document;
      const asked = {
        ...{ path, languageId, budget, edits: [], problems: [], shown: { before, after } },
        line: text.slice(0, (document.hidden?.before ?? 0) + above.length).split('\n').length - 1,
        before: above.slice(-INDEX_WINDOW.before),
        after: document.after.slice(0, INDEX_WINDOW.after),
      };
      return chooseParts(repository, asked);
    };
  }

  /** The file at `path` is whole again. */
  async restore(path: string): Promise<void> {
    const file = this.files.get(path);
    if (file) await this.put(path, file.text());
  }
}
