/**
 * Places cursors as in the editor: with their whole file around them, and the snippets of other files that completion
 * would put into the prompt.
 */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import {
  defaultBudget,
  INDEX_WINDOW,
  MAX_BEGUN,
  RepositoryParts,
  type ContextFile,
} from '../../completion/index.ts';
import { promptPath, type Corpus } from '../../corpus/index.ts';
import type { RunSpec } from '../../protocol/run.ts';
import type { SymbolParser } from '../../repository/parser.ts';
import { toDocument, type PlacedCursor } from './completion.ts';
import { CorpusFiles } from './corpus-files.ts';
import { CorpusIndex, openParser } from './corpus-index.ts';
import type { Cursor } from './cursors.ts';
import { detachedCopy } from './held-out.ts';

/** Number of files nearest to the cursor's file that are assumed to be open. */
const OPEN_FILES = 8;

type PlacementSpec = Pick<RunSpec, 'folder' | 'folders' | 'corpus'>;

export interface PlacementOptions {
  /**
   * The text at the cursor is extended to this many lines of its file if it is shorter, but no further than the editor
   * keeps its prompt.
   */
  lines?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** In the order of `cursors`. Throws `signal`'s reason. */
export async function placeCursors(
  cursors: readonly Cursor[],
  corpus: Corpus,
  tokenizer: Tokenizer,
  spec: PlacementSpec,
  { lines, signal }: PlacementOptions = {},
): Promise<PlacedCursor[]> {
  const files = new CorpusFiles(corpus, tokenizer, spec.folders);
  const others = await ContextChooser.open(files, signal);
  const placed: PlacedCursor[] = [];
  try {
    for (const cursor of cursors) {
      signal?.throwIfAborted();
      const { folder, path } = files.locate(cursor.path);
      const text = files.inFolder(folder).get(path)!.text();
      placed.push(await placeCursor(cursor, text, { spec, others, lines }));
    }
  } finally {
    others.close();
  }
  return placed;
}

/** `text`: of the cursor's file. */
export async function placeCursor(
  cursor: Cursor,
  text: string,
  { spec, others, lines }: { spec: PlacementSpec; others: ContextChooser; lines?: number | undefined },
): Promise<PlacedCursor> {
  const { textWithoutAnswer, own } = splitFile(text, cursor, lines);
  const place = promptPath(spec, cursor.path);
  const wholeRepositories = spec.corpus.repositoryContext;
  const withoutContext: PlacedCursor = { ...cursor, ...own, place, others: [], wholeRepositories };
  return { ...withoutContext, others: await others.choose(withoutContext, textWithoutAnswer) };
}

/** Chooses the snippets of other files at a cursor, from an index of each folder. */
export class ContextChooser {
  private readonly indexes = new Map<string, CorpusIndex>();

  private constructor(
    private readonly files: CorpusFiles,
    private readonly signal: AbortSignal | undefined,
    private readonly parser: SymbolParser,
  ) {}

  static async open(files: CorpusFiles, signal: AbortSignal | undefined): Promise<ContextChooser> {
    return new ContextChooser(files, signal, await openParser());
  }

  /** `textWithoutAnswer`: the text of the cursor's file without the text to be completed. */
  async choose(cursor: PlacedCursor, textWithoutAnswer: string): Promise<ContextFile[]> {
    const { files } = this;
    const { folder, path } = files.locate(cursor.path);
    const index = await this.getIndex(folder);
    const parts = await index.sourceAt(path, textWithoutAnswer);
    const open = () => files.nearest(cursor.path, OPEN_FILES);
    const chosen = await new RepositoryParts(never).choose(
      toDocument(cursor),
      { files: open, parts },
      () => defaultBudget.others!,
    );
    await index.restore(path);
    return chosen.map((part) => ({ ...part, text: detachedCopy(part.text) }));
  }

  /** A file of the corpus has another text now, is new, or is gone. */
  async update({ folder, path }: { folder: string; path: string }, text: string | undefined): Promise<void> {
    this.files.put(folder, path, text);
    await (await this.getIndex(folder)).restore(path);
  }

  private async getIndex(folder: string): Promise<CorpusIndex> {
    const { indexes, files, parser, signal } = this;
    const index = indexes.get(folder) ?? (await CorpusIndex.open(files.inFolder(folder), parser, signal));
    indexes.set(folder, index);
    return index;
  }

  close(): void {
    this.parser.close();
  }
}

/** No time limit for choosing the snippets. */
const never = () => new Promise<void>(() => undefined);

/**
 * The file's text without the text to be completed, and the part of the file at the cursor. `minLines`: lines of the
 * text at the cursor.
 */
function splitFile(
  text: string,
  { line, column, actual: found }: Cursor,
  minLines = 0,
): { textWithoutAnswer: string; own: Pick<PlacedCursor, 'before' | 'actual' | 'after' | 'hidden'> } {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const at = lines[line - 1]!;
  let end = line - 1 + found.split('\n').length;
  const last = Math.min(lines.length, line - 1 + minLines);
  for (let length = column + found.length; end < last; end += 1) {
    length += 1 + lines[end]!.length;
    if (length > MAX_BEGUN) break;
  }
  const above = [...lines.slice(0, line - 1), at.slice(0, column)].join('\n');
  const below = ['', ...lines.slice(end)].join('\n') || '\n';
  const from = Math.max(0, above.length - INDEX_WINDOW.before);
  const own = {
    before: detachedCopy(above.slice(from)),
    actual: minLines > 0 ? [at.slice(column), ...lines.slice(line, end)].join('\n').trimEnd() : found,
    after: detachedCopy(below.slice(0, INDEX_WINDOW.after)),
    hidden: { before: from, after: Math.max(0, below.length - INDEX_WINDOW.after) },
  };
  return { textWithoutAnswer: above + below, own };
}
