/**
 * Cursors in the lines that commits added after a run, each with the repository as it stood before its commit: so what
 * is measured was never learned.
 */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import { promptPath, type Corpus } from '../../corpus/index.ts';
import { landedSince, type AddedLines, type Landed, type LandedFile } from '../../corpus/reading/landed.ts';
import { NoRepository } from '../../corpus/reading/git.ts';
import { documentPath, foldersOf, type NamedFolder } from '../../protocol/folders.ts';
import type { RunSpec } from '../../protocol/run.ts';
import type { PlacedCursor } from './completion.ts';
import { CorpusFiles } from './corpus-files.ts';
import { listCursors, type Cursor, type CursorKind } from './cursors.ts';
import { choosePlaces } from './held-out.ts';
import { ContextChooser, splitFile } from './place.ts';

export interface LandedCursor extends PlacedCursor, Pick<Landed, 'commit' | 'at'> {}

export interface LandedOptions {
  /** The most commits, and cursors of each kind. */
  commits: number;
  counts: Record<CursorKind, number>;
  signal?: AbortSignal | undefined;
}

/** A file that a commit changed. */
interface Change extends LandedFile, Pick<Landed, 'commit' | 'at'> {
  folder: NamedFolder;
}

/**
 * Empty if nothing was committed since the run, or only what it had learned. Folders that are in no repository are
 * left out; if none is, throws NoRepository. Throws `signal`'s reason.
 */
export async function landedCursors(
  spec: RunSpec,
  corpus: Corpus,
  tokenizer: Tokenizer,
  options: LandedOptions,
): Promise<LandedCursor[]> {
  const changes = await changesSince(spec, corpus.summary.heads ?? {}, options);
  const files = new CorpusFiles(corpus, tokenizer, spec.folders);
  const cursors = cursorsIn(changes, files, options.counts);
  const placed: LandedCursor[] = [];
  if (cursors.length === 0) return placed;
  const others = await ContextChooser.open(files, options.signal);
  try {
    for (const commit of new Set(changes.map((change) => change.commit))) {
      const own = changes.filter((change) => change.commit === commit);
      for (const found of cursors.filter(({ change }) => own.includes(change))) {
        options.signal?.throwIfAborted();
        placed.push(await place(found, spec, others));
      }
      // For the next commit.
      for (const { folder, path, text } of own) await others.update({ folder: folder.name, path }, text);
    }
  } finally {
    others.close();
  }
  return placed;
}

async function changesSince(
  spec: RunSpec,
  heads: Readonly<Record<string, string>>,
  { commits, signal }: LandedOptions,
): Promise<Change[]> {
  const changes: Change[] = [];
  let missing: NoRepository | undefined;
  let found = 0;
  for (const folder of foldersOf(spec)) {
    try {
      const since = { since: spec.createdAt, most: commits };
      const head = heads[folder.path];
      const landed = await landedSince(folder.path, { ...since, head }, signal).catch((error: unknown) => {
        // That commit is gone: the history was rewritten.
        if (head === undefined || !(error instanceof NoRepository)) throw error;
        return landedSince(folder.path, since, signal);
      });
      changes.push(
        ...landed.flatMap(({ commit, at, files }: Landed) =>
          files.map((file) => ({ ...file, commit, at, folder })),
        ),
      );
      found += 1;
    } catch (error) {
      if (!(error instanceof NoRepository)) throw error;
      missing = error;
    }
  }
  if (found === 0 && missing) throw missing;
  return changes;
}

interface FoundCursor {
  cursor: Cursor;
  change: Change;
  added: AddedLines;
}

/** Spread over the changes, in their order. */
function cursorsIn(
  changes: readonly Change[],
  files: CorpusFiles,
  counts: Record<CursorKind, number>,
): FoundCursor[] {
  const byName = new Map(changes.map((change, index) => [String(index), change]));
  const documents = [...byName].map(([file, { text }]) => ({ file, fromLine: 1, text: () => text }));
  const fresh = new Map(changes.map((change) => [change, notLearned(change, files)]));
  const within = (change: Change, from: number, to: number) =>
    fresh.get(change)!.find((added) => from >= added.from && to <= added.to);
  const kinds = (['line', 'block'] as const).map((kind) => ({
    count: counts[kind],
    findPlaces: (text: string, { file }: { file: string }) =>
      listCursors(
        text,
        { file, fromLine: 1 },
        kind,
        (from, to) => within(byName.get(file)!, from, to) !== undefined,
      ),
  }));
  return choosePlaces(documents, kinds)
    .flat()
    .map((cursor) => {
      const change = byName.get(cursor.path)!;
      const count = cursor.actual.split('\n').length;
      const added = within(change, cursor.line - 1, cursor.line - 1 + count)!;
      const path = documentPath(change.folder, change.path);
      return { cursor: { ...cursor, path }, change, added };
    })
    .sort((a, b) => changes.indexOf(a.change) - changes.indexOf(b.change));
}

/** Of the added lines those that were not in the file when the run read it: commits may be rewritten, or come late. */
function notLearned({ text, added, folder, path }: Change, files: CorpusFiles): AddedLines[] {
  const learned = files.inFolder(folder.name).get(path)?.text().replaceAll('\r\n', '\n') ?? '';
  const lines = text.split('\n');
  return added.filter(({ from, to }) => !learned.includes(lines.slice(from, to).join('\n')));
}

/** With the text above it as committed, and below it what stood after the added lines: those are not written yet. */
async function place(
  { cursor, change, added }: FoundCursor,
  spec: RunSpec,
  others: ContextChooser,
): Promise<LandedCursor> {
  const lines = change.text.split('\n');
  const end = cursor.line - 1 + cursor.actual.split('\n').length;
  const unwritten = [...lines.slice(0, end), ...lines.slice(added.to)].join('\n');
  const { textWithoutAnswer, own } = splitFile(unwritten, cursor);
  const found: PlacedCursor = {
    ...cursor,
    ...own,
    place: promptPath(spec, cursor.path),
    others: [],
    wholeRepositories: spec.corpus.repositoryContext,
  };
  const { commit, at } = change;
  return { ...found, commit, at, others: await others.choose(found, textWithoutAnswer) };
}
