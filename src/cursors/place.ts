/**
 * Places cursors as in the editor: with all of their file around them, and the parts of other files that completion
 * would put into the prompt.
 */
import type { Tokenizer } from '../base-models/tokenizer.ts';
import { defaultBudget, RepositoryParts, type ContextBudget } from '../completion/index.ts';
import { placeOf, type Corpus } from '../corpus/index.ts';
import type { RunSpec } from '../protocol/run.ts';
import { documentOf, type PlacedCursor } from './completion.ts';
import { CorpusFiles } from './corpus-files.ts';
import { CorpusIndex, NEAR, openParser } from './corpus-index.ts';
import type { Cursor } from './cursors.ts';
import { ownText } from './held-out.ts';

/** Number of files nearest to the cursor's file that are assumed to be open. */
const OPEN_FILES = 8;

type Placing = Pick<RunSpec, 'folder' | 'folders' | 'corpus'>;

export interface PlacingOptions {
  /** Characters of a prompt. Default: the editor's. Without `others`, no other files are read. */
  budget?: ContextBudget | undefined;
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
  { budget: { others: room = 0 } = defaultBudget, lines, signal }: PlacingOptions = {},
): Promise<PlacedCursor[]> {
  const files = new CorpusFiles(corpus, tokenizer, spec.folders);
  const parser = room > 0 ? await openParser() : undefined;
  const indexes = new Map<string, CorpusIndex>();
  const placed: PlacedCursor[] = [];
  for (const cursor of cursors) {
    signal?.throwIfAborted();
    const { folder, path } = files.locate(cursor.path);
    const inFolder = files.inFolder(folder);
    const { without, own } = inFile(inFolder.get(path)!.text(), cursor, lines);
    const place = placeOf(spec, cursor.path);
    const wholeRepositories = spec.corpus.repositoryContext;
    const alone: PlacedCursor = { ...cursor, ...own, place, others: [], wholeRepositories };
    if (!parser) {
      placed.push(alone);
      continue;
    }
    const index = indexes.get(folder) ?? (await CorpusIndex.open(inFolder, parser, signal));
    indexes.set(folder, index);
    const others = await new RepositoryParts(forever).choose(
      documentOf(alone),
      { files: () => files.nearest(cursor.path, OPEN_FILES), parts: await index.sourceAt(path, without) },
      () => room,
    );
    await index.restore(path);
    placed.push({ ...alone, others: others.map((part) => ({ ...part, text: ownText(part.text) })) });
  }
  return placed;
}

/** The parts may take as long as they want. */
const forever = () => new Promise<void>(() => undefined);

/**
 * The file's text without what is to be completed, and the cursor's own part of the file. `least`: lines of the text at
 * the cursor.
 */
function inFile(
  text: string,
  { line, before, actual: found }: Cursor,
  least = 0,
): { without: string; own: Pick<PlacedCursor, 'before' | 'actual' | 'after' | 'hidden'> } {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const column = before.length - before.lastIndexOf('\n') - 1;
  const end = line - 1 + Math.max(found.split('\n').length, least);
  const at = lines[line - 1]!;
  const above = [...lines.slice(0, line - 1), at.slice(0, column)].join('\n');
  const below = ['', ...lines.slice(end)].join('\n') || '\n';
  const from = Math.max(0, above.length - NEAR.before);
  const own = {
    before: ownText(above.slice(from)),
    actual: least > 0 ? [at.slice(column), ...lines.slice(line, end)].join('\n').trimEnd() : found,
    after: ownText(below.slice(0, NEAR.after)),
    hidden: { before: from, after: Math.max(0, below.length - NEAR.after) },
  };
  return { without: above + below, own };
}
