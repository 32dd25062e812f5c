import { UserError } from '../protocol/errors.ts';
import {
  cancelled,
  plainDocument,
  readDocuments,
  type Document,
  type ReadOptions,
  type ReadProgress,
} from './reading/documents.ts';
import type { EarlierCorpus } from './earlier.ts';
import { chooseHeldOut } from './held-out/hold-out.ts';
import { kindOf, kinds, measuredKind, type Kind } from './reading/kinds.ts';
import { Languages, type UnknownLanguage } from './reading/languages.ts';
import { type KeptEntry, type LeftOutEntry, type Split } from './manifest.ts';
import { reasons, type Reason } from './reading/reasons.ts';
import { NearDuplicates } from './held-out/near-duplicates.ts';
import type { SourceDocument } from './reading/source.ts';
import { cutLine, splitNumber } from './held-out/split.ts';
import { suppliedDocuments } from './reading/given-documents.ts';

const DEFAULT_HELD_OUT_SHARE = 0.1;
/** More rows than this tell nothing more, and take as long to measure. */
const MOST_HELD_OUT_ROWS = 2000;
/** Fewer tokens tell too little: rows are read on for these when there are enough to train on. */
const LEAST_HELD_OUT_TOKENS = 16_384;

export interface CollectOptions extends Partial<ReadOptions> {
  /** Rows of a data set or instruction pairs, read after the folder. */
  documents?: AsyncIterable<SourceDocument> | undefined;
  seed: number;
  /** Share of the files' text and of rows held out; 0.1 unless given. With 0, none need be. */
  heldOutShare?: number | undefined;
  /** Reading of rows stops when as many are there to train on. A folder is read whole. */
  maxTokens?: number | undefined;
  /** The corpus that this one continues: its documents stay on their side, and none is cut in two. */
  earlier?: EarlierCorpus | undefined;
}

export const shareOf = ({ heldOutShare = DEFAULT_HELD_OUT_SHARE }: Pick<CollectOptions, 'heldOutShare'>) =>
  heldOutShare;

/** What becomes of documents on the way; each is called in the order of reading. */
export interface Sink {
  /** Takes a document in, whichever side it will be on; returns how many tokens it has. */
  keep(document: Document): Promise<Pick<KeptEntry, 'tokens'>>;
  leaveOut(entry: LeftOutEntry): Promise<void> | void;
}

/** A document that was kept, and which of the `keep` calls was the one that counts. */
export interface KeptDocument {
  entry: Omit<KeptEntry, 'offset'> & { kind: Kind };
  call: number;
  row: boolean;
  unfinished: boolean;
  /** Of a file, the side that it, or what is nearly the same, was on in the corpus that is continued. */
  side?: Split | undefined;
}

export interface Collected {
  parts: KeptDocument[];
  leftOut: Partial<Record<Reason, number>>;
  /** There was one file only, or one of code, which was cut in two. */
  cut: boolean;
  /** Left out, though it has more files than any language that is known here. */
  unknownLanguage?: UnknownLanguage | undefined;
}

/**
 * Reads a folder and rows, decides what is in and on which side. At most two texts are held.
 * Errors: corpus-empty, corpus-unreadable, cancelled, and what the supplier of rows throws.
 */
export async function collect(options: CollectOptions, sink: Sink): Promise<Collected> {
  const { folder, globs, documents, signal, onProgress } = options;
  const collector = new Collector(options, sink);
  let last: ReadProgress = { done: 0, total: 0 };
  if (folder !== undefined) {
    const files = readDocuments({
      folder,
      globs,
      signal,
      onProgress: (progress) => onProgress?.((last = progress)),
    });
    for await (const entry of files) await collector.take(entry, false);
    collector.splitFiles();
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

class Collector {
  private readonly parts: KeptDocument[] = [];
  private readonly leftOut: Partial<Record<Reason, number>> = {};
  private readonly languages = new Languages();
  private readonly near = new NearDuplicates();
  private readonly share: number;
  private calls = 0;
  private heldOutRows = 0;
  private readonly tokens: Record<Split, number> = { train: 0, 'held-out': 0 };
  private readonly counts: Record<Kind, number> = { code: 0, prose: 0, data: 0 };
  /** What is measured, as long as it is one document: of the texts read so far, at most this one stays in memory. */
  private single: { document: Document; part: KeptDocument } | undefined;
  /** On each side the row that is nearest to the border. */
  private readonly nearest: Partial<Record<Split, { part: KeptDocument; distance: number }>> = {};

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
    // Rows have no names that would last. Of files it is decided when all are known.
    const number = row ? splitNumber(this.options.seed, entry.sha256) : undefined;
    const full = this.heldOutRows >= MOST_HELD_OUT_ROWS;
    const drawn = number !== undefined && number < this.share && !full ? 'held-out' : 'train';
    const { earlier } = this.options;
    const split = (row && earlier?.splitOfRow(entry)) || drawn;
    const side = row ? undefined : earlier?.splitOfFile(entry);
    if (row && split === 'train' && this.trainIsFull) return;
    const twin = this.near.findOrAdd(entry.text);
    if (twin !== undefined) {
      const part = this.parts[twin]!;
      part.side ??= side;
      const { path: detail, sha256 } = part.entry;
      const reason = sha256 === entry.sha256 ? 'duplicate' : 'near-duplicate';
      return await this.leave({ in: false, path: entry.path, reason, detail });
    }
    const part = { ...(await this.keep(entry, { split, row })), side };
    this.rememberSingle(entry, part);
    this.parts.push(part);
    if (part.entry.kind === 'code' && !row) this.languages.add(entry.path, true);
    if (number !== undefined) this.countRow(part, Math.abs(number - this.share));
  }

  private countRow(part: KeptDocument, distance: number): void {
    const { split, tokens, known } = part.entry;
    // What is continued has learned these: others are read until there are enough.
    if (!known) this.tokens[split] += tokens;
    if (split === 'held-out') this.heldOutRows += 1;
    if (distance < (this.nearest[split]?.distance ?? Infinity)) this.nearest[split] = { part, distance };
  }

  private async leave(entry: LeftOutEntry): Promise<void> {
    this.leftOut[entry.reason] = (this.leftOut[entry.reason] ?? 0) + 1;
    if (entry.reason === 'not-code') this.languages.add(entry.path, false);
    await this.sink.leaveOut(entry);
  }

  private async keep(
    document: Document,
    { split, row }: { split: Split; row: boolean },
  ): Promise<KeptDocument> {
    const { path, bytes, lines, sha256 } = document;
    const kind = row ? 'code' : kindOf(path);
    const encoded = await this.sink.keep(document);
    const known = this.options.earlier?.holds(document) && { known: true as const };
    const entry = { in: true as const, path, split, kind, bytes, lines, sha256, ...encoded, ...known };
    return { entry, call: this.calls++, row, unfinished: document.unfinished ?? false };
  }

  private rememberSingle(document: Document, part: KeptDocument): void {
    const { kind } = part.entry;
    const measured = this.measured;
    if (measured === undefined || kinds.indexOf(kind) < kinds.indexOf(measured))
      this.single = { document, part };
    else if (kind === measured) this.single = undefined;
    this.counts[kind] += 1;
  }

  private get measured(): Kind | undefined {
    return measuredKind((kind) => this.counts[kind] > 0);
  }

  /** Once the folder has been read, before the first row. */
  splitFiles(): void {
    const { seed } = this.options;
    const open = this.parts.filter(({ side }) => !side);
    const heldOut = chooseHeldOut(
      open.map(({ entry }) => entry),
      { seed, share: this.share },
    );
    for (const [index, { entry }] of open.entries()) if (heldOut.has(index)) entry.split = 'held-out';
    for (const { entry, side } of this.parts) {
      entry.split = side ?? entry.split;
      this.tokens[entry.split] += entry.tokens;
    }
  }

  /** Sees to it that neither side is empty of what is measured, where something is to be held out. */
  async finish(): Promise<Collected> {
    const { parts, leftOut, languages } = this;
    if (parts.length === 0) throw nothingIn(this.options, leftOut, languages.anyUnknown);
    // What is continued has both sides already, and nothing of it may change them.
    const free = this.share > 0 && !this.options.earlier;
    const cut = free && (await this.cutSingle());
    if (free && !cut) this.fillEmptySide();
    return { parts, leftOut, cut, unknownLanguage: languages.mainUnknown };
  }

  /** Where there is one file of what is measured, cuts it in two if it can be. */
  private async cutSingle(): Promise<boolean> {
    const { single } = this;
    const halves = single && cutInTwo(single.document, this.share);
    if (!halves) return false;
    const { row } = single.part;
    const made: KeptDocument[] = [];
    for (const { split, fromLine, ...half } of halves) {
      const part = await this.keep(half, { split, row });
      made.push({ ...part, entry: { ...part.entry, fromLine } });
    }
    this.parts.splice(this.parts.indexOf(single.part), 1, ...made);
    return true;
  }

  private fillEmptySide(): void {
    const { parts, nearest, measured: kind } = this;
    const own = parts.filter(({ entry }) => entry.kind === kind);
    const sides = new Set(own.map(({ entry }) => entry.split));
    if (sides.size === 2) return;
    const from: Split = sides.has('train') ? 'train' : 'held-out';
    const to: Split = from === 'train' ? 'held-out' : 'train';
    if (own.length > 1 && nearest[from]) nearest[from].part.entry.split = to;
    // One line of code, which is learned: something else can be held out.
    else if (parts.length > own.length && !parts.some(({ entry }) => entry.split === to)) {
      const others = parts.filter(({ entry }) => entry.kind !== kind).map(({ entry }) => entry);
      others.reduce((least, entry) => (entry.bytes < least.bytes ? entry : least)).split = to;
    }
  }
}

/** A document as a part to learn from and a part held out; undefined when that can't be. */
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

function nothingIn(
  { folder, globs }: Pick<CollectOptions, 'folder' | 'globs'>,
  leftOut: Partial<Record<Reason, number>>,
  unknown: UnknownLanguage | undefined,
): UserError {
  const counts = (Object.entries(leftOut) as [Reason, number][]).sort((a, b) => b[1] - a[1]);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const top = counts.slice(0, 3).map(([reason, count]) => `${count} ${reasons[reason]}`);
  const why =
    total > 0
      ? `${total} left out (${top.join('; ')})`
      : folder === undefined
        ? 'it has no rows'
        : 'it holds no files';
  if (leftOut.excluded)
    return new UserError(
      'corpus-empty',
      `With ${String(globs)} nothing is left to learn from in ${folder}: ${why}.`,
      'Change these globs (in VS Code, the settings forgetMeNot.training.include and exclude), or leave them out.',
    );
  const glob = unknown && `"*.${unknown.extension}"`;
  const unless = glob
    ? `, or, where those files are what is to be learned, give --include ${glob} (in VS Code, the setting forgetMeNot.training.include)`
    : '';
  return new UserError(
    'corpus-empty',
    `There is nothing to learn from in ${folder ?? 'the data set'}: ${why}.`,
    folder === undefined ? 'Choose another data set.' : `Choose a folder that holds source code${unless}.`,
  );
}
