import { UserError } from '../protocol/errors.ts';
import {
  cancelled,
  plainDocument,
  readDocuments,
  type Document,
  type ReadOptions,
  type ReadProgress,
} from './documents.ts';
import { reasons, type KeptEntry, type LeftOutEntry, type Reason, type Split } from './manifest.ts';
import { NearDuplicates } from './near-duplicates.ts';
import type { SourceDocument } from './source.ts';
import { cutLine, splitNumber } from './split.ts';
import { suppliedDocuments } from './supplied.ts';

const DEFAULT_HELD_OUT_SHARE = 0.1;
/** More rows than this tell nothing more, and take as long to measure. */
const MOST_HELD_OUT_ROWS = 2000;
/** Fewer tokens tell too little: rows are read on for these when there are enough to train on. */
const LEAST_HELD_OUT_TOKENS = 16_384;

export interface CollectOptions extends Partial<ReadOptions> {
  /** Rows of a data set or instruction pairs, read after the folder. */
  documents?: AsyncIterable<SourceDocument> | undefined;
  seed: number;
  /** Share of files and rows held out; 0.1 unless given. With 0, none need be. */
  heldOutShare?: number | undefined;
  /** Reading of rows stops when as many are there to train on. A folder is read whole. */
  maxTokens?: number | undefined;
}

export const shareOf = ({ heldOutShare = DEFAULT_HELD_OUT_SHARE }: Pick<CollectOptions, 'heldOutShare'>) =>
  heldOutShare;

/** What becomes of documents on the way; each is called in the order of reading. */
export interface Sink {
  /** Takes a document in; returns how many tokens it has. */
  keep(document: Document): Promise<Pick<KeptEntry, 'tokens'>>;
  leaveOut(entry: LeftOutEntry): Promise<void> | void;
}

/** A document that was kept, and which of the `keep` calls was the one that counts. */
export interface Part {
  entry: Omit<KeptEntry, 'offset'>;
  call: number;
  row: boolean;
  unfinished: boolean;
}

export interface Collected {
  parts: Part[];
  leftOut: Partial<Record<Reason, number>>;
  /** There was one file only, which was cut in two. */
  cut: boolean;
}

/**
 * Reads a folder and rows, decides what is in and on which side. At most two texts are held.
 * Errors: corpus-empty, corpus-unreadable, cancelled, and what the supplier of rows throws.
 */
export async function collect(options: CollectOptions, sink: Sink): Promise<Collected> {
  const { folder, documents, signal, onProgress } = options;
  const collector = new Collector(options, sink);
  let last: ReadProgress = { done: 0, total: 0 };
  if (folder !== undefined) {
    const files = readDocuments({
      folder,
      signal,
      onProgress: (progress) => onProgress?.((last = progress)),
    });
    for await (const entry of files) await collector.take(entry, false);
  }
  if (documents) {
    let rows = 0;
    for await (const entry of suppliedDocuments(documents, signal)) {
      await collector.take(entry, true);
      rows += 1;
      onProgress?.({ done: last.done + rows, total: 0 });
      if (collector.isFull) break;
    }
  }
  if (signal?.aborted) throw cancelled();
  return await collector.finish();
}

/** A document that could go to the other side, its text with it. */
interface Candidate {
  document: Document;
  index: number;
  number: number;
  split: Split;
}

class Collector {
  private readonly parts: Part[] = [];
  private readonly leftOut: Partial<Record<Reason, number>> = {};
  private readonly near = new NearDuplicates();
  private readonly share: number;
  private calls = 0;
  private heldOutRows = 0;
  private readonly tokens: Record<Split, number> = { train: 0, 'held-out': 0 };
  /** While one side is empty: the document of the other that is nearest to the border. */
  private nearest: Candidate | undefined;

  constructor(
    private readonly options: CollectOptions,
    private readonly sink: Sink,
  ) {
    this.share = shareOf(options);
  }

  private get trainIsFull(): boolean {
    return this.tokens.train >= (this.options.maxTokens ?? Infinity);
  }

  /** No further row is needed. */
  get isFull(): boolean {
    const { share, tokens, heldOutRows } = this;
    const heldOut = tokens['held-out'] >= LEAST_HELD_OUT_TOKENS || heldOutRows >= MOST_HELD_OUT_ROWS;
    return this.trainIsFull && (share === 0 || heldOut);
  }

  async take(entry: Document | LeftOutEntry, row: boolean): Promise<void> {
    if (!entry.in) return await this.leave(entry);
    // A file stays on its side when it is changed; a row has no name that would last.
    const number = splitNumber(this.options.seed, row ? entry.sha256 : entry.path);
    const full = row && this.heldOutRows >= MOST_HELD_OUT_ROWS;
    const split = number < this.share && !full ? 'held-out' : 'train';
    if (row && split === 'train' && this.trainIsFull) return;
    const twin = this.near.findOrAdd(entry.text);
    if (twin !== undefined) {
      const { path: detail, sha256 } = this.parts[twin]!.entry;
      const reason = sha256 === entry.sha256 ? 'duplicate' : 'near-duplicate';
      return await this.leave({ in: false, path: entry.path, reason, detail });
    }
    if (row && split === 'held-out') this.heldOutRows += 1;
    this.remember({ document: entry, index: this.parts.length, number, split });
    this.parts.push(await this.keep(entry, split, row));
  }

  private async leave(entry: LeftOutEntry): Promise<void> {
    this.leftOut[entry.reason] = (this.leftOut[entry.reason] ?? 0) + 1;
    await this.sink.leaveOut(entry);
  }

  private async keep(document: Document, split: Split, row: boolean): Promise<Part> {
    const { path, bytes, lines, sha256 } = document;
    const encoded = await this.sink.keep(document);
    this.tokens[split] += encoded.tokens;
    const entry = { in: true as const, path, split, bytes, lines, sha256, ...encoded };
    return { entry, call: this.calls++, row, unfinished: document.unfinished ?? false };
  }

  private remember(candidate: Candidate): void {
    const { split, number } = candidate;
    if (this.parts.length > 0 && this.nearest?.split !== split) this.nearest = undefined;
    else if (!this.nearest || Math.abs(number - this.share) < Math.abs(this.nearest.number - this.share))
      this.nearest = candidate;
  }

  /** Sees to it that neither side is empty, where something is to be held out. */
  async finish(): Promise<Collected> {
    const { parts, leftOut, nearest } = this;
    const done = (cut: boolean) => ({ parts, leftOut, cut });
    if (parts.length === 0) throw nothingIn(this.options.folder, leftOut);
    if (this.share === 0 || !nearest) return done(false);
    const { document, index, split } = nearest;
    const { row } = parts[index]!;
    if (parts.length > 1) {
      parts[index] = await this.keep(document, split === 'train' ? 'held-out' : 'train', row);
      return done(false);
    }
    const halves = cutInTwo(document, this.share);
    if (!halves) return done(false);
    parts.length = 0;
    for (const { split, fromLine, ...half } of halves) {
      const part = await this.keep(half, split, row);
      parts.push({ ...part, entry: { ...part.entry, fromLine } });
    }
    return done(true);
  }
}

/** The one document of a corpus as a part to learn from and a part held out; undefined when that can't be. */
function cutInTwo(document: Document, heldOutShare: number) {
  const { path, pieces, sha256 } = document;
  const [{ text }, ...others] = pieces as [Document['pieces'][0], ...Document['pieces']];
  const lines = text.replace(/\n$/, '').split('\n');
  const at = others.length ? undefined : cutLine(lines, heldOutShare);
  if (at === undefined) return undefined;
  const half = (part: string, split: Split, fromLine: number) => ({
    ...plainDocument(path, part),
    sha256,
    split,
    fromLine,
  });
  return [
    half(`${lines.slice(0, at).join('\n')}\n`, 'train', 1),
    half(text.split('\n').slice(at).join('\n'), 'held-out', at + 1),
  ];
}

function nothingIn(folder: string | undefined, leftOut: Partial<Record<Reason, number>>): UserError {
  const counts = (Object.entries(leftOut) as [Reason, number][]).sort((a, b) => b[1] - a[1]);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const top = counts.slice(0, 3).map(([reason, count]) => `${count} ${reasons[reason]}`);
  const why =
    total > 0
      ? `${total} left out (${top.join('; ')})`
      : folder === undefined
        ? 'it has no rows'
        : 'it holds no files';
  return new UserError(
    'corpus-empty',
    `There is nothing to learn from in ${folder ?? 'the data set'}: ${why}.`,
    folder === undefined ? 'Choose another data set.' : 'Choose a folder that holds source code.',
  );
}
