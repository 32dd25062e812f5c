import { UserError } from '../text/errors.ts';
import { describeFolders, foldersOf, locate, type Folders } from '../protocol/folders.ts';
import { LEAST_DOCUMENTS } from '../statistics/intervals.ts';
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
import { kindOf, kinds, measuredKind, type Kind } from './kinds.ts';
import { Languages, type UnknownLanguage } from './reading/languages.ts';
import type { KeptEntry, LeftOutEntry, Split, KeptDocument } from './manifest.ts';
import { reasons, type Reason } from './reasons.ts';
import { CopiedLines, lineHashes, sketchOf } from './held-out/copied-lines.ts';
import { NearDuplicates } from './held-out/near-duplicates.ts';
import type { SourceDocument } from './reading/source.ts';
import { cutLine, splitNumber } from './held-out/split.ts';
import { suppliedDocuments } from './reading/supplied-documents.ts';

const DEFAULT_HELD_OUT_SHARE = 0.1;
/** More held-out rows would take longer to measure without telling more. */
const MOST_HELD_OUT_ROWS = 2000;
/** Up to so many files of code, a part of each is held out: whole files would be too few to say anything of others. */
const MOST_CUT = 11;
/** Fewer tokens tell too little, so rows are read until there are as many, even if there are enough to train on. */
const LEAST_HELD_OUT_TOKENS = 16_384;

export interface CollectOptions extends Partial<ReadOptions> {
  /** Rows of a data set or instruction pairs, read after the folders. */
  documents?: AsyncIterable<SourceDocument> | undefined;
  seed: number;
  /** Share of the files' text and of the rows to hold out; default 0.1. With 0, nothing need be held out. */
  heldOutShare?: number | undefined;
  /** Reading of rows stops at this number of training tokens. Folders are always read completely. */
  maxTokens?: number | undefined;
  /** The corpus that this one continues: its documents stay in their split, and none is cut in two. */
  earlier?: EarlierCorpus | undefined;
}

export const shareOf = ({ heldOutShare = DEFAULT_HELD_OUT_SHARE }: Pick<CollectOptions, 'heldOutShare'>) =>
  heldOutShare;

/** Receives the documents; both functions are called in the order of reading. */
export interface Sink {
  /** Stores a document, whatever split it will be in; returns its number of tokens. */
  keep(document: Document): Promise<Pick<KeptEntry, 'tokens'>>;
  leaveOut(entry: LeftOutEntry): Promise<void> | void;
}

export interface Collected {
  parts: KeptDocument[];
  leftOut: Partial<Record<Reason, number>>;
  /** There were so few files, or so few of code, that each of them was cut in two. */
  cut: boolean;
  /** A language that is left out although it has more files than any known language. */
  unknownLanguage?: UnknownLanguage | undefined;
  /** Of several folders, those in which there is nothing to learn, and why. */
  fruitless: { folder: string; why: string }[];
}

/**
 * Reads folders and rows, and decides what is kept and in which split. At most a dozen texts are in memory.
 * Errors: corpus-empty, corpus-unreadable, cancelled, and what the supplier of rows throws.
 */
export async function collect(options: CollectOptions, sink: Sink): Promise<Collected> {
  const { folder, folders, globs, documents, signal, onProgress } = options;
  const collector = new Collector(options, sink);
  let last: ReadProgress = { done: 0, total: 0 };
  if (folder !== undefined) {
    const files = readDocuments({
      folder,
      folders,
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
  /** Of several folders, by name. */
  private readonly leftOutOf = new Map<string, Partial<Record<Reason, number>>>();
  private readonly languages = new Languages();
  private readonly near = new NearDuplicates();
  /** Of files. */
  private readonly lines = new CopiedLines();
  private readonly share: number;
  private calls = 0;
  private heldOutRows = 0;
  private readonly tokens: Record<Split, number> = { train: 0, 'held-out': 0 };
  private readonly counts: Record<Kind, number> = { code: 0, prose: 0, data: 0 };
  /** Those of the measured kind so far, while they are few: their texts stay in memory, since they may have to be cut. */
  private few: { document: Document; part: KeptDocument }[] = [];
  /** In each split the row whose number is nearest to the border between the splits. */
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
    // Rows have no lasting names, so their text decides the split. For files it is decided when all are known.
    const number = row
      ? (entry.age ?? splitNumber(this.options.seed, entry.together ?? entry.sha256))
      : undefined;
    const full = this.heldOutRows >= MOST_HELD_OUT_ROWS;
    const drawn = number !== undefined && number < this.share && !full ? 'held-out' : 'train';
    const { earlier } = this.options;
    const split = (row && earlier?.splitOfRow(entry)) || drawn;
    const lines = row ? undefined : lineHashes(entry.text);
    const sketch = lines && sketchOf(lines);
    const side = row ? undefined : earlier?.splitOfFile({ ...entry, sketch });
    if (row && split === 'train' && this.trainIsFull) return;
    const twin = this.near.findOrAdd(entry.text);
    if (twin !== undefined) {
      const part = this.parts[twin]!;
      part.side ??= side;
      const { path: detail, sha256 } = part.entry;
      const reason = sha256 === entry.sha256 ? 'duplicate' : 'near-duplicate';
      return await this.leave({ in: false, path: entry.path, reason, detail });
    }
    const part = { ...(await this.keep(entry, { split, row, sketch })), side };
    if (lines) this.lines.add(lines);
    this.rememberFew(entry, part);
    this.parts.push(part);
    if (part.entry.kind === 'code' && !row) this.languages.add(entry.path, true);
    if (number !== undefined) this.countRow(part, Math.abs(number - this.share));
  }

  private countRow(part: KeptDocument, distance: number): void {
    const { split, tokens, known } = part.entry;
    // The continued run has learned known rows, so only other rows count towards the limits.
    if (!known) this.tokens[split] += tokens;
    if (split === 'held-out') this.heldOutRows += 1;
    if (distance < (this.nearest[split]?.distance ?? Infinity)) this.nearest[split] = { part, distance };
  }

  private async leave(entry: LeftOutEntry): Promise<void> {
    this.leftOut[entry.reason] = (this.leftOut[entry.reason] ?? 0) + 1;
    const name = locate(this.options.folders ?? [], entry.path)?.folder.name;
    if (name !== undefined) {
      const own = this.leftOutOf.get(name) ?? {};
      this.leftOutOf.set(name, { ...own, [entry.reason]: (own[entry.reason] ?? 0) + 1 });
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
    const known = this.options.earlier?.holds(document) && { known: true as const };
    const edit = document.edit && { edit: document.edit };
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
      ...edit,
      ...(sketch && { sketch }),
    };
    return { entry, call: this.calls++, row, unfinished: document.unfinished ?? false };
  }

  private rememberFew(document: Document, part: KeptDocument): void {
    const { kind } = part.entry;
    const measured = this.measured;
    this.counts[kind] += 1;
    if (measured === undefined || kinds.indexOf(kind) < kinds.indexOf(measured)) this.few = [];
    else if (kind !== measured) return;
    // Once there are too many, none is needed.
    if (this.counts[kind] > MOST_CUT) this.few = [];
    else this.few.push({ document, part });
  }

  private get measured(): Kind | undefined {
    return measuredKind((kind) => this.counts[kind] > 0);
  }

  /** Call this after the folders have been read, before the first row. */
  splitFiles(): void {
    const { seed } = this.options;
    const copied = this.lines.copied();
    const open = this.parts.flatMap(({ entry, side }, at) =>
      side ? [] : [{ entry, copied: copied.has(at) }],
    );
    const heldOut = chooseHeldOut(
      open.map(({ entry, copied }) => ({ ...entry, copied })),
      // A corpus that is continued holds out enough.
      { seed, share: this.share, ...(this.options.earlier && { least: 0 }) },
    );
    for (const [index, { entry }] of open.entries()) if (heldOut.has(index)) entry.split = 'held-out';
    for (const { entry, side } of this.parts) {
      entry.split = side ?? entry.split;
      this.tokens[entry.split] += entry.tokens;
    }
  }

  /** Makes sure that both splits have some of the measured kind, if something is to be held out. */
  async finish(): Promise<Collected> {
    const { parts, leftOut, languages } = this;
    if (parts.length === 0) throw nothingIn(this.options, leftOut, languages.anyUnknown);
    // A continued corpus has both splits already, and its documents must stay in theirs.
    const free = this.share > 0 && !this.options.earlier;
    const cut = free && (await this.cutFew());
    if (free && !cut) this.fillEmptySide();
    return { parts, leftOut, cut, unknownLanguage: languages.mainUnknown, fruitless: this.fruitless() };
  }

  private fruitless(): Collected['fruitless'] {
    const folders = this.options.folders ?? [];
    const used = new Set(this.parts.map(({ entry }) => locate(folders, entry.path)?.folder));
    return folders
      .filter((folder) => !used.has(folder))
      .map(({ path, name }) => ({ folder: path, why: whyNothing(this.leftOutOf.get(name) ?? {}) }));
  }

  /**
   * If there are few documents of the measured kind, cuts each in two if possible: one alone, and as many as intervals
   * need.
   */
  private async cutFew(): Promise<boolean> {
    const cut = this.few.flatMap((one) => {
      const halves = cutInTwo(one.document, this.share);
      return halves ? [{ ...one, halves }] : [];
    });
    if (cut.length < (this.few.length === 1 ? 1 : LEAST_DOCUMENTS)) return false;
    for (const { part } of this.few) part.entry.split = 'train';
    for (const { part, halves } of cut) {
      const made: KeptDocument[] = [];
      for (const { split, fromLine, ...half } of halves) {
        const kept = await this.keep(half, { split, row: part.row });
        made.push({ ...kept, entry: { ...kept.entry, fromLine } });
      }
      this.parts.splice(this.parts.indexOf(part), 1, ...made);
    }
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
    // One line of code, which is learned: hold out the smallest other document.
    else if (parts.length > own.length && !parts.some(({ entry }) => entry.split === to)) {
      const others = parts.filter(({ entry }) => entry.kind !== kind).map(({ entry }) => entry);
      others.reduce((least, entry) => (entry.bytes < least.bytes ? entry : least)).split = to;
    }
  }
}

/** Cuts a document into a part to learn from and a held-out part; undefined if that is impossible. */
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

/** Why nothing of a folder, or of rows, was kept. */
function whyNothing(leftOut: Partial<Record<Reason, number>>, none = 'it contains no files'): string {
  const counts = (Object.entries(leftOut) as [Reason, number][]).sort((a, b) => b[1] - a[1]);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const top = counts.slice(0, 3).map(([reason, count]) => `${count} ${reasons[reason]}`);
  return total > 0 ? `${total} left out (${top.join('; ')})` : none;
}

function nothingIn(
  { globs, ...where }: Folders & Pick<CollectOptions, 'globs'>,
  leftOut: Partial<Record<Reason, number>>,
  unknown: UnknownLanguage | undefined,
): UserError {
  const many = foldersOf(where).length;
  const folder = many > 0 ? describeFolders(where) : undefined;
  const none = many > 1 ? 'they contain no files' : many ? 'it contains no files' : 'it has no rows';
  const why = whyNothing(leftOut, none);
  if (leftOut.excluded)
    return new UserError(
      'corpus-empty',
      `With ${String(globs)} nothing is left to learn from in ${folder}: ${why}.`,
      'Change these globs (in VS Code, the settings forgetMeNot.training.include and exclude), or leave them out.',
    );
  const glob = unknown && `"*.${unknown.extension}"`;
  const unless = glob
    ? `, or, to learn those files, give --include ${glob} (in VS Code, the setting forgetMeNot.training.include)`
    : '';
  return new UserError(
    'corpus-empty',
    `There is nothing to learn from in ${folder ?? 'the data set'}: ${why}.`,
    folder === undefined ? 'Choose another data set.' : `Choose a folder that holds source code${unless}.`,
  );
}
