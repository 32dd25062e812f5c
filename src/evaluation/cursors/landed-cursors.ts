/**
 * Cursors in the lines that commits added after a run, each with the repository as it stood before its commit. Places
 * with a line that the run has read are left out, so nothing that is measured was learned.
 */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import type { Corpus } from '../../corpus/index.ts';
import { Globs } from '../../corpus/reading/globs.ts';
import { landedSince, type Landed, type LandedFile } from '../../corpus/reading/landed.ts';
import { NoRepository } from '../../corpus/reading/git.ts';
import { documentPath, foldersOf, type NamedFolder } from '../../protocol/folders.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { mixText } from '../../statistics/random.ts';
import type { PlacedCursor } from './completion.ts';
import { CorpusFiles } from './corpus-files.ts';
import { listCursors, type Cursor, type CursorKind } from './cursors.ts';
import { choosePlaces } from './held-out.ts';
import { ContextChooser, placeCursor } from './place.ts';

export interface LandedCursor extends PlacedCursor, Pick<Landed, 'commit' | 'at'> {}

export interface CursorOptions {
  /** The most commits, and cursors of each kind. */
  commits: number;
  counts: Record<CursorKind, number>;
  signal?: AbortSignal | undefined;
}

interface LandedIn extends Landed {
  folder: NamedFolder;
}

/** A file that a commit changed. */
interface Change extends LandedFile {
  of: LandedIn;
}

/**
 * In the order of the commits. Empty if nothing was committed since the run, or only what it had read. Folders that are
 * in no repository are left out; if none is in one, throws NoRepository. Throws `signal`'s reason.
 */
export async function landedCursors(
  spec: RunSpec,
  corpus: Corpus,
  tokenizer: Tokenizer,
  options: CursorOptions,
): Promise<LandedCursor[]> {
  const landed = await landedIn(spec, corpus.summary.heads ?? {}, options);
  const files = new CorpusFiles(corpus, tokenizer, spec.folders);
  const found = cursorsIn(landed, linesRead(files), options.counts);
  const placed: LandedCursor[] = [];
  if (found.length === 0) return placed;
  const others = await ContextChooser.open(files, options.signal);
  try {
    for (const commit of landed) {
      for (const one of found.filter(({ change }) => change.of === commit)) {
        options.signal?.throwIfAborted();
        placed.push(await place(one, spec, others));
      }
      // For the next commit.
      const { folder, gone } = commit;
      for (const path of gone) await others.update({ folder: folder.name, path }, undefined);
      for (const { path, text } of commit.files) await others.update({ folder: folder.name, path }, text);
    }
  } finally {
    others.close();
  }
  return placed;
}

/** The newest commits of all folders. */
async function landedIn(
  spec: RunSpec,
  heads: Readonly<Record<string, string>>,
  { commits, signal }: CursorOptions,
): Promise<LandedIn[]> {
  const folders = foldersOf(spec);
  const globs = new Globs(
    spec.corpus,
    spec.folders?.map(({ name }) => name),
  );
  const landed: LandedIn[] = [];
  const missing: NoRepository[] = [];
  for (const folder of folders) {
    const own = { head: heads[folder.path], globs: globs.forFolder(folder.name) };
    try {
      const found = await landedSince(folder.path, { ...own, since: spec.createdAt, most: commits, signal });
      landed.push(...found.map((one) => ({ ...one, folder })));
    } catch (error) {
      if (!(error instanceof NoRepository)) throw error;
      missing.push(error);
    }
  }
  if (missing.length > 0 && missing.length === folders.length) throw missing[0]!;
  landed.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const newest = new Set([...new Set(landed.map(({ commit }) => commit))].slice(-commits));
  return landed.filter(({ commit }) => newest.has(commit));
}

/** Shorter lines are everywhere. */
const MIN_LINE = 12;
/** The line's hash, without white space around it; undefined for a short line. */
const hashOf = (line: string): number | undefined =>
  line.trim().length < MIN_LINE ? undefined : mixText(line.trim());

/** Hashes of the lines of all files that the run has read. */
function linesRead(files: CorpusFiles): ReadonlySet<number> {
  const hashes = new Set<number>();
  for (const text of files.allTexts())
    for (const line of text.split('\n')) {
      const hash = hashOf(line);
      if (hash !== undefined) hashes.add(hash);
    }
  return hashes;
}

interface FoundCursor {
  cursor: Cursor;
  change: Change;
}

/** Spread over the changed files. */
function cursorsIn(
  landed: readonly LandedIn[],
  read: ReadonlySet<number>,
  counts: Record<CursorKind, number>,
): FoundCursor[] {
  const changes = landed.flatMap((of) => of.files.map((file): Change => ({ ...file, of })));
  const byName = new Map(changes.map((change, index) => [String(index), change]));
  const documents = [...byName].map(([file, { text }]) => ({ file, fromLine: 1, text: () => text }));
  const isNew = ({ text, added }: Change) => {
    const known = text.split('\n').map((line) => read.has(hashOf(line)!));
    return (from: number, to: number) =>
      added.some((lines) => from >= lines.from && to <= lines.to) && !known.slice(from, to).includes(true);
  };
  const kinds = (['line', 'block'] as const).map((kind) => ({
    count: counts[kind],
    findPlaces: (text: string, { file }: { file: string }) =>
      listCursors(text, { file, fromLine: 1 }, kind, isNew(byName.get(file)!)),
  }));
  return choosePlaces(documents, kinds)
    .flat()
    .map((cursor) => {
      const change = byName.get(cursor.path)!;
      return { cursor: { ...cursor, path: documentPath(change.of.folder, change.path) }, change };
    });
}

/** With the text above it as committed; below it, what the commit added is not written yet. */
async function place(
  { cursor, change }: FoundCursor,
  spec: RunSpec,
  others: ContextChooser,
): Promise<LandedCursor> {
  const end = cursor.line - 1 + cursor.actual.split('\n').length;
  const isAdded = (line: number) => change.added.some(({ from, to }) => line >= from && line < to);
  const written = change.text.split('\n').filter((_, line) => line < end || !isAdded(line));
  const { commit, at } = change.of;
  return { ...(await placeCursor(cursor, written.join('\n'), { spec, others })), commit, at };
}
