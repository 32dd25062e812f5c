/**
 * Places cursors as in the editor: with all of their file around them, and the parts of other files that completion
 * would put into the prompt.
 */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import { defaultBudget, INDEX_WINDOW, RepositoryParts, type ContextFile } from '../../completion/index.ts';
import { promptPath, type Corpus } from '../../corpus/index.ts';
import type { RunSpec } from '../../protocol/run.ts';
import type { SymbolParser } from '../../repository/parser.ts';
import { documentOf, type PlacedCursor } from './completion.ts';
import { CorpusFiles } from './corpus-files.ts';
import { CorpusIndex, openParser } from './corpus-index.ts';
import type { Cursor } from './cursors.ts';
import { ownText } from './held-out.ts';

/** Number of files nearest to the cursor's file that are assumed to be open. */
const OPEN_FILES = 8;

type Placing = Pick<RunSpec, 'folder' | 'folders' | 'corpus'>;

export interface PlacingOptions {
  /** The text at the cursor goes on for so many lines of its file, where it is shorter. */
  lines?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** In the order of `cursors`. Throws `signal`'s reason. */
export async function placeCursors(
  cursors: readonly Cursor[],
  corpus: Corpus,
  tokenizer: Tokenizer,
  spec: Placing,
  { lines, signal }: PlacingOptions = {},
): Promise<PlacedCursor[]> {
  const files = new CorpusFiles(corpus, tokenizer, spec.folders);
  const others = await OthersAt.open(files, signal);
  const placed: PlacedCursor[] = [];
  try {
    for (const cursor of cursors) {
      signal?.throwIfAborted();
      const { folder, path } = files.locate(cursor.path);
      const { without, own } = inFile(files.inFolder(folder).get(path)!.text(), cursor, lines);
      const place = promptPath(spec, cursor.path);
      const wholeRepositories = spec.corpus.repositoryContext;
      const alone: PlacedCursor = { ...cursor, ...own, place, others: [], wholeRepositories };
      placed.push({ ...alone, others: await others.choose(alone, without) });
    }
  } finally {
    others.close();
  }
  return placed;
}

/** Chooses the parts of other files at a cursor, from an index of each folder. */
class OthersAt {
  private readonly indexes = new Map<string, CorpusIndex>();

  private constructor(
    private readonly files: CorpusFiles,
    private readonly signal: AbortSignal | undefined,
    private readonly parser: SymbolParser,
  ) {}

  static async open(files: CorpusFiles, signal: AbortSignal | undefined): Promise<OthersAt> {
    return new OthersAt(files, signal, await openParser());
  }

  /** `without`: the text of the cursor's file without what is to be completed. */
  async choose(cursor: PlacedCursor, without: string): Promise<ContextFile[]> {
    const { files } = this;
    const { folder, path } = files.locate(cursor.path);
    const index = await this.indexOf(folder);
    const parts = await index.sourceAt(path, without);
    const open = () => files.nearest(cursor.path, OPEN_FILES);
    const chosen = await new RepositoryParts(forever).choose(
      documentOf(cursor),
      { files: open, parts },
      () => defaultBudget.others!,
    );
    await index.restore(path);
    return chosen.map((part) => ({ ...part, text: ownText(part.text) }));
  }

  private async indexOf(folder: string): Promise<CorpusIndex> {
    const { indexes, files, parser, signal } = this;
    const index = indexes.get(folder) ?? (await CorpusIndex.open(files.inFolder(folder), parser, signal));
    indexes.set(folder, index);
    return index;
  }

  close(): void {
    this.parser.close();
  }
}

/** The parts may take as long as they want. */
const forever = () => new Promise<void>(() => undefined);

/**
 * The file's text without what is to be completed, and the cursor's own part of the file. `least`: lines of the text at
 * the cursor.
 */
function inFile(
  text: string,
  { line, column, actual: found }: Cursor,
  least = 0,
): { without: string; own: Pick<PlacedCursor, 'before' | 'actual' | 'after' | 'hidden'> } {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const end = line - 1 + Math.max(found.split('\n').length, least);
  const at = lines[line - 1]!;
  const above = [...lines.slice(0, line - 1), at.slice(0, column)].join('\n');
  const below = ['', ...lines.slice(end)].join('\n') || '\n';
  const from = Math.max(0, above.length - INDEX_WINDOW.before);
  const own = {
    before: ownText(above.slice(from)),
    actual: least > 0 ? [at.slice(column), ...lines.slice(line, end)].join('\n').trimEnd() : found,
    after: ownText(below.slice(0, INDEX_WINDOW.after)),
    hidden: { before: from, after: Math.max(0, below.length - INDEX_WINDOW.after) },
  };
  return { without: above + below, own };
}
