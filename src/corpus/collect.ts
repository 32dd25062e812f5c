import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import { describeFolders, foldersOf, locate, type Folders } from '../protocol/folders.ts';
import { MIN_DOCUMENTS } from '../statistics/intervals.ts';
import {
  cancelled,
  plainDocument,
  readDocuments,
  type Document,
  type ReadOptions,
  type ReadProgress,
} from './reading/documents.ts';
import type { EarlierCorpus } from './earlier-corpus.ts';
import { chooseHeldOut } from './held-out/hold-out.ts';
import { kindOf, kinds, measuredKind, type Kind } from './kinds.ts';
import { LanguageCounts, type UnknownLanguage } from './reading/languages.ts';
import type { KeptEntry, LeftOutEntry, Split, KeptDocument } from './manifest.ts';
import { reasons, type Reason } from './reasons.ts';
import { CopiedLines, createSketch, isMostlyOf, lineHashes } from './held-out/copied-lines.ts';
import { NearDuplicates } from './held-out/near-duplicates.ts';
import { ShownFunctions } from './held-out/shown-functions.ts';
import type { SourceDocument } from './reading/source.ts';
import { cutLine, splitNumber } from './held-out/split.ts';
import { suppliedDocuments } from './reading/supplied-documents.ts';

const DEFAULT_HELD_OUT_SHARE = 0.1;
/** More held-out rows would take longer to measure without being more informative. */
const MAX_HELD_OUT_ROWS = 2000;
/**
 * With at most this many files of code, a part of each is held out, because whole files would be too few to be
 * representative.
 */
const MAX_CUT = 11;
/**
 * Fewer held-out tokens are not informative enough, so rows are read until there are this many, even if there are
 * enough to train on.
 */
const MIN_HELD_OUT_TOKENS = 16_384;

export interface CollectOptions extends Partial<ReadOptions> {
  /** Rows of a data set or instruction pairs, read after the folders. */
  documents?: AsyncIterable<SourceDocument> | undefined;
  seed: number;
  /** Fraction of the files' text and of the rows to hold out; default 0.1. With 0, nothing needs to be held out. */
  heldOutShare?: number | undefined;
  /** Stop reading a source of rows at this number of training tokens. Folders are always read completely. */
  maxTokens?: number | undefined;
  /** For rows to replay: SHA-256 of the texts that the run holds out. */
  heldOutByRun?: ReadonlySet<string> | undefined;
  /** The corpus this one continues: its documents stay in their split, and none is cut in two. */
  earlier?: EarlierCorpus | undefined;
}

export const heldOutShareOf = ({
  heldOutShare = DEFAULT_HELD_OUT_SHARE,
}: Pick<CollectOptions, 'heldOutShare'>) => heldOutShare;

/** Receives the documents; both functions are called in reading order. */
export interface Sink {
  /** Stores a document, whatever split it will be in; returns its number of tokens. */
  keep(document: Document): Promise<Pick<KeptEntry, 'tokens'>>;
  leaveOut(entry: LeftOutEntry): Promise<void> | void;
}

export interface CollectedCorpus {
  parts: KeptDocument[];
  leftOut: Partial<Record<Reason, number>>;
  /** Whether there were so few files (of code) that each was cut in two. */
  cut: boolean;
  /** An unknown language, which is left out, with more files than any known language. */
  unknownLanguage?: UnknownLanguage | undefined;
  /** If there are several folders: those with nothing to learn from, and why. */
  emptyFolders: { folder: string; why: Text }[];
}

/**
 * Reads folders and rows, and decides what is kept and in which split. Keeps at most a dozen texts in memory. Errors:
 * corpus-empty, corpus-unreadable, cancelled, and what the supplier of rows throws.
 */
export async function collect(options: CollectOptions, sink: Sink): Promise<CollectedCorpus> {
  const { folder, documents, signal, onProgress } = options;
  const collector = new Collector(options, sink);
  let last: ReadProgress = { done: 0, total: 0 };
  if (folder !== undefined) {
    const report = (progress: ReadProgress) => onProgress?.((last = progress));
    const files = readDocuments({ ...options, folder, onProgress: report });
    for await (const entry of files) await collector.add(entry, false);
    collector.splitFiles();
  }
  if (documents) {
    let rows = 0;
    for await (const entry of suppliedDocuments(documents, signal)) {
      await collector.add(entry, true);
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
  /** By folder name, if there are several folders. */
  private readonly leftOutByFolder = new Map<string, Partial<Record<Reason, number>>>();
  private readonly languages = new LanguageCounts();
  private readonly nearDuplicates = new NearDuplicates();
  /** Only for files. */
  private readonly copiedLines = new CopiedLines();
  private readonly share: number;
  private calls = 0;
  private heldOutRows = 0;
  private readonly shownFunctions = new ShownFunctions();
  /** Training tokens of each source of rows. */
  private readonly trainTokens = new Map<SourceDocument['source'], number>();
  private heldOutTokens = 0;
  private readonly counts: Record<Kind, number> = { code: 0, prose: 0, data: 0 };
  /** Documents of the measured kind while they are few: their texts stay in memory, since they may have to be cut. */
  private fewDocuments: { document: Document; part: KeptDocument }[] = [];
  /** Files half of which occurs in another one. */
  private copied: ReadonlySet<KeptDocument> = new Set();
  /** For each split, the row nearest to the border between the splits. */
  private readonly nearest: Partial<Record<Split, { part: KeptDocument; distance: number }>> = {};

  constructor(
    private readonly options: CollectOptions,
    private readonly sink: Sink,
  ) {
    this.share = heldOutShareOf(options);
  }

  private isTrainFull(source: SourceDocument['source']): boolean {
    return (this.trainTokens.get(source) ?? 0) >= (this.options.maxTokens ?? Infinity);
  }

  private get isEnoughHeldOut(): boolean {
    const { share, heldOutTokens, heldOutRows } = this;
    return share === 0 || heldOutTokens >= MIN_HELD_OUT_TOKENS || heldOutRows >= MAX_HELD_OUT_ROWS;
  }

  /** No further row of the last source is needed. */
  get isFull(): boolean {
    return this.isTrainFull(undefined) && this.isEnoughHeldOut;
  }

  async add(entry: Document | LeftOutEntry, row: boolean): Promise<void> {
    if (!entry.in) return await this.leaveOut(entry);
    // Rows have no stable names, so their text decides the split. For files it is decided when all are known.
    const splitPosition = row
      ? (entry.age ?? splitNumber(this.options.seed, entry.together ?? entry.sha256))
      : undefined;
    const isHeldOutFull = this.heldOutRows >= MAX_HELD_OUT_ROWS;
    const randomSplit =
      splitPosition !== undefined && splitPosition < this.share && !isHeldOutFull ? 'held-out' : 'train';
    const { earlier } = this.options;
    const split = (row && earlier?.splitForRow(entry)) || randomSplit;
    const lines = row ? undefined : lineHashes(entry.text);
    const sketch = lines && createSketch(lines);
    const fixedSplit = row ? undefined : earlier?.splitForFile({ ...entry, sketch });
    if (row && this.isTrainFull(entry.source) && (split === 'train' || this.isEnoughHeldOut)) return;
    const shown = this.options.heldOutByRun?.has(entry.sha256) ? {} : this.shownFunctions.find(entry, split);
    if (row && shown)
      return await this.leaveOut({ in: false, path: entry.path, reason: 'shows-held-out', ...shown });
    const twin = this.nearDuplicates.findOrAdd(entry.text);
    if (twin !== undefined) {
      const part = this.parts[twin]!;
      part.fixedSplit ??= fixedSplit;
      const { path: detail, sha256 } = part.entry;
      const reason = sha256 === entry.sha256 ? 'duplicate' : 'near-duplicate';
      return await this.leaveOut({ in: false, path: entry.path, reason, detail });
    }
    const part = { ...(await this.keep(entry, { split, row, sketch })), fixedSplit };
    if (lines) this.copiedLines.add(lines);
    this.trackFew(entry, part);
    this.parts.push(part);
    if (part.entry.kind === 'code' && !row) this.languages.add(entry.path, true);
    if (row) this.shownFunctions.add(entry, split);
    if (splitPosition !== undefined) this.countRow(part, entry.source, Math.abs(splitPosition - this.share));
  }

  private countRow(part: KeptDocument, source: SourceDocument['source'], distance: number): void {
    const { split, tokens, known } = part.entry;
    // The continued run has learned known rows, so only other rows count towards the limits.
    if (!known && split === 'train')
      this.trainTokens.set(source, (this.trainTokens.get(source) ?? 0) + tokens);
    if (!known && split === 'held-out') this.heldOutTokens += tokens;
    if (split === 'held-out') this.heldOutRows += 1;
    if (distance < (this.nearest[split]?.distance ?? Infinity)) this.nearest[split] = { part, distance };
  }

  private async leaveOut(entry: LeftOutEntry): Promise<void> {
    this.leftOut[entry.reason] = (this.leftOut[entry.reason] ?? 0) + 1;
    const name = locate(this.options.folders ?? [], entry.path)?.folder.name;
    if (name !== undefined) {
      const own = this.leftOutByFolder.get(name) ?? {};
      this.leftOutByFolder.set(name, { ...own, [entry.reason]: (own[entry.reason] ?? 0) + 1 });
    }
    if (entry.reason === 'not-code') this.languages.add(entry.path, false);
    await this.sink.leaveOut(entry);
  }

  private async keep(
    document: Document,
    { split, row, sketch }: { split: Split; row: boolean; sketch?: string | undefined },
  ): Promise<KeptDocument> {
    const { path, bytes, lines, sha256 } = document;
    const kind = row ? 'code' : kindOf(path);
    const encoded = await this.sink.keep(document);
    const known = this.options.earlier?.contains(document) && { known: true as const };
    const entry = {
      in: true as const,
      path,
      split,
      kind,
      bytes,
      lines,
      sha256,
      ...encoded,
      ...known,
      ...(sketch && { sketch }),
    };
    return { entry, call: this.calls++, row, unfinished: document.unfinished ?? false };
  }

  private trackFew(document: Document, part: KeptDocument): void {
    const { kind } = part.entry;
    const measured = this.measured;
    this.counts[kind] += 1;
    if (measured === undefined || kinds.indexOf(kind) < kinds.indexOf(measured)) this.fewDocuments = [];
    else if (kind !== measured) return;
    // Once there are too many, none is needed.
    if (this.counts[kind] > MAX_CUT) this.fewDocuments = [];
    else this.fewDocuments.push({ document, part });
  }

  private get measured(): Kind | undefined {
    return measuredKind((kind) => this.counts[kind] > 0);
  }

  /** To be called after the folders have been read, before the first row. */
  splitFiles(): void {
    const { seed } = this.options;
    const copied = this.copiedLines.findCopied();
    this.copied = new Set(this.parts.filter((_, at) => copied.has(at)));
    const open = this.parts.flatMap(({ entry, fixedSplit }, at) =>
      fixedSplit ? [] : [{ entry, copied: copied.has(at) }],
    );
    const heldOut = chooseHeldOut(
      open.map(({ entry, copied }) => ({ ...entry, copied })),
      // The continued corpus already holds out enough.
      { seed, share: this.share, ...(this.options.earlier && { minimum: 0 }) },
    );
    for (const [index, { entry }] of open.entries()) if (heldOut.has(index)) entry.split = 'held-out';
    for (const { entry, fixedSplit } of this.parts) {
      entry.split = fixedSplit ?? entry.split;
      if (entry.split === 'held-out') this.heldOutTokens += entry.tokens;
    }
  }

  /** Ensures that both splits contain some of the measured kind, if something is to be held out. */
  async finish(): Promise<CollectedCorpus> {
    const { parts, leftOut, languages } = this;
    if (parts.length === 0) throw emptyCorpus(this.options, leftOut, languages.largestUnknown);
    // A continued corpus has both splits already, and its documents must stay in theirs.
    const mayChange = this.share > 0 && !this.options.earlier;
    const cut = mayChange && (await this.cutFew());
    if (mayChange && !cut) this.fillEmptySplit();
    return {
      parts,
      leftOut,
      cut,
      unknownLanguage: languages.dominantUnknown,
      emptyFolders: this.emptyFolders(),
    };
  }

  private emptyFolders(): CollectedCorpus['emptyFolders'] {
    const folders = this.options.folders ?? [];
    const used = new Set(this.parts.map(({ entry }) => locate(folders, entry.path)?.folder));
    return folders
      .filter((folder) => !used.has(folder))
      .map(({ path, name }) => ({ folder: path, why: explainEmpty(this.leftOutByFolder.get(name) ?? {}) }));
  }

  /**
   * If there are few documents of the measured kind, cuts each in two if possible. Cuts nothing if fewer than
   * confidence intervals need could be cut, unless there is only one document.
   */
  private async cutFew(): Promise<boolean> {
    const few = this.fewDocuments;
    // The end of a copied file would be learned from the other one.
    const whole = few.length === 1 ? [] : few.filter(({ part }) => this.copied.has(part));
    const learned = new Set(whole.flatMap(({ document }) => [...lineHashes(document.text)]));
    const cut = few.flatMap((candidate) => {
      const halves = whole.includes(candidate) ? undefined : cutDocument(candidate.document, this.share);
      return halves && !isMostlyOf(learned, halves[1]!.text) ? [{ ...candidate, halves }] : [];
    });
    if (cut.length < (few.length === 1 ? 1 : MIN_DOCUMENTS)) return false;
    for (const { part } of few) part.entry.split = 'train';
    for (const { part, halves } of cut) {
      const halvesKept: KeptDocument[] = [];
      for (const { split, fromLine, ...half } of halves) {
        const kept = await this.keep(half, { split, row: part.row });
        halvesKept.push({ ...kept, entry: { ...kept.entry, fromLine } });
      }
      this.parts.splice(this.parts.indexOf(part), 1, ...halvesKept);
    }
    return true;
  }

  private fillEmptySplit(): void {
    const { parts, nearest, measured: kind } = this;
    const ofKind = parts.filter(({ entry }) => entry.kind === kind);
    const splits = new Set(ofKind.map(({ entry }) => entry.split));
    if (splits.size === 2) return;
    const from: Split = splits.has('train') ? 'train' : 'held-out';
    const to: Split = from === 'train' ? 'held-out' : 'train';
    if (ofKind.length > 1 && nearest[from]) nearest[from].part.entry.split = to;
    // One line of code, which is learned: hold out the smallest other document.
    else if (parts.length > ofKind.length && !parts.some(({ entry }) => entry.split === to)) {
      const others = parts.filter(({ entry }) => entry.kind !== kind).map(({ entry }) => entry);
      others.reduce((least, entry) => (entry.bytes < least.bytes ? entry : least)).split = to;
    }
  }
}

/** Cuts a document into a training part and a held-out part; undefined if that is impossible. */
function cutDocument(document: Document, heldOutShare: number) {
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

/** Explains why nothing of a folder, or of the rows, was kept. */
function explainEmpty(
  leftOut: Partial<Record<Reason, number>>,
  none: Text = msg`it contains no files`,
): Text {
  const counts = (Object.entries(leftOut) as [Reason, number][]).sort((a, b) => b[1] - a[1]);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const top = counts.slice(0, 3).map(([reason, count]) => `${count} ${reasons[reason]}`);
  return total > 0 ? msg`${total} left out (${top.join('; ')})` : none;
}

function emptyCorpus(
  { globs, ...source }: Folders & Pick<CollectOptions, 'globs'>,
  leftOut: Partial<Record<Reason, number>>,
  unknown: UnknownLanguage | undefined,
): UserError {
  const folderCount = foldersOf(source).length;
  const folder = folderCount > 0 ? describeFolders(source) : undefined;
  const none =
    folderCount > 1
      ? msg`they contain no files`
      : folderCount
        ? msg`it contains no files`
        : msg`it has no rows`;
  const why = explainEmpty(leftOut, none);
  if (leftOut.excluded)
    return new UserError(
      'corpus-empty',
      msg`With ${String(globs)} nothing is left to learn from in ${folder!}: ${why}.`,
      msg`Change these globs (in VS Code, the settings forgetMeNot.training.include and exclude), or leave them out.`,
    );
  const glob = unknown && `"*.${unknown.extension}"`;
  const unless = glob
    ? `, or, to learn those files, give --include ${glob} (in VS Code, the setting forgetMeNot.training.include)`
    : '';
  return new UserError(
    'corpus-empty',
    msg`There is nothing to learn from in ${folder ?? msg`the data set`}: ${why}.`,
    folder === undefined
      ? msg`Choose another data set.`
      : msg`Choose a folder that holds source code${unless}.`,
  );
}
