import { existsSync } from 'node:fs';
import type { z } from 'zod';
import { UserError } from '../text/errors.ts';
import { parseLine } from '../platform/files/lines.ts';
import { exampleSequences, exampleWindows, type CorpusSequences } from './tokens/examples.ts';
import {
  CORPUS_FORMAT,
  corpusSummarySchema,
  entryKind,
  manifestLineSchema,
  type CorpusSummary,
  type KeptEntry,
  type LeftOutEntry,
  type Split,
} from './manifest.ts';
import { fimWindow, type FimWindows, type WindowTokenizer } from './tokens/fim-windows.ts';
import { heldOutWindows, type Range } from './held-out/held-out-windows.ts';
import { kinds, measuredKind, type Kind } from './kinds.ts';
import { streamSequences, type TokenStream, type Window } from './tokens/packing.ts';
import { learnedPath, manifestPath, startsPath, summaryPath, tokensPath, weightsPath } from './paths.ts';
import type { WeightedRange } from './recency.ts';
import type { Sequence } from './tokens/sequences.ts';
import { FlagFile, readTokens, TokenFile } from './tokens/token-file.ts';
import { fimMarks, type CorpusTokenizer } from './tokens/tokenizer.ts';
import { eachLineSync, readText } from '../platform/files/regular-file.ts';

/** The parts of the base's tokenizer that fill-in-the-middle needs. */
export type FimTokenizer = WindowTokenizer &
  Pick<CorpusTokenizer, 'fim'> & { readonly fileSeparator?: number };

export type Corpus = Pick<OpenCorpus, keyof OpenCorpus>;

export type Age = 'older' | 'new';

/** Opens what buildCorpus wrote. Errors: run-damaged if files are missing, truncated or inconsistent. */
export async function openCorpus(dir: string): Promise<Corpus> {
  try {
    const summary = parseSummary(await readText(summaryPath(dir)));
    const train = await openSplit(dir, 'train', summary.trainTokens);
    const heldOut = await openSplit(dir, 'held-out', summary.heldOutTokens);
    return new OpenCorpus(dir, summary, train, heldOut);
  } catch (error) {
    throw new UserError(
      'run-damaged',
      `The corpus in ${dir} can't be read: ${(error as Error).message}.`,
      'Delete that folder and start the run again; it then reads the files again.',
      { cause: error },
    );
  }
}

function parseSummary(text: string): CorpusSummary {
  const json: unknown = JSON.parse(text);
  const format = typeof json === 'object' && json && 'format' in json ? json.format : undefined;
  if (format !== CORPUS_FORMAT) throw new Error('another version of Forget-Me-Not made it');
  const parsed = corpusSummarySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
  throw new Error(`"${path.join('.')}" in its summary is not valid (${message})`);
}

interface OpenSplit {
  tokens: TokenFile;
  stream: TokenStream;
}

async function openSplit(dir: string, split: Split, length: number): Promise<OpenSplit> {
  const tokens = await TokenFile.open(tokensPath(dir, split));
  const starts = await readTokens(startsPath(dir, split));
  const flags = learnedPath(dir, split);
  const learned = existsSync(flags) ? await FlagFile.open(flags) : undefined;
  if (tokens.length !== length || (learned && learned.length !== length))
    throw new Error("the token files' length differs from the summary");
  const ascending = starts.every((start, index) => start > (starts[index - 1] ?? -1) && start < length);
  if (!ascending || (length > 0 && starts[0] !== 0))
    throw new Error("the documents' beginnings don't fit the tokens");
  const weighted = split === 'train' ? await readWeights(dir, length) : undefined;
  return {
    tokens,
    stream: {
      length,
      starts,
      ...(weighted && { weights: weighted }),
      read: (begin, count) => tokens.read(begin, count),
      ...(learned && { learned: (begin: number, count: number) => learned.read(begin, count) }),
    },
  };
}

/** Undefined if all tokens have the same weight. */
async function readWeights(dir: string, length: number): Promise<WeightedRange[] | undefined> {
  if (!existsSync(weightsPath(dir))) return undefined;
  const numbers = await readTokens(weightsPath(dir));
  const weighted = Array.from({ length: Math.floor(numbers.length / 2) }, (_, index) => ({
    begin: numbers[2 * index]!,
    weight: numbers[2 * index + 1]!,
  }));
  const isValid = weighted.every(
    ({ begin, weight }, index) =>
      begin > (weighted[index - 1]?.begin ?? -1) && begin < length && weight >= 0 && weight <= 1000,
  );
  if (!isValid || numbers.length % 2 !== 0 || weighted[0]?.begin !== 0)
    throw new Error("the files' weights don't fit the tokens");
  return weighted;
}

class OpenCorpus {
  private manifest: Manifest | undefined;
  readonly digest: string;
  readonly train: TokenFile;
  readonly heldOut: TokenFile;

  constructor(
    private readonly dir: string,
    readonly summary: CorpusSummary,
    private readonly trainSplit: OpenSplit,
    private readonly heldOutSplit: OpenSplit,
  ) {
    this.digest = summary.digest;
    this.train = trainSplit.tokens;
    this.heldOut = heldOutSplit.tokens;
  }

  /**
   * The kept documents in reading order; read from the manifest on first use. A document's tokens are `(split ===
   * 'train' ? train : heldOut).read(offset, tokens)`, ending with the end token.
   */
  get documents(): KeptEntry[] {
    return (this.manifest ??= readManifest(this.dir)).kept;
  }

  get leftOut(): LeftOutEntry[] {
    return (this.manifest ??= readManifest(this.dir)).leftOut;
  }

  /**
   * Training sequences of `length` predictions. `tokenizer` is the base's and is needed only with `summary.fim`; it
   * must stay open while the sequences are read. Errors: corpus-empty; bad-argument if the tokenizer can't fill in
   * the middle.
   */
  sequences(length: number, seed: number, tokenizer?: FimTokenizer): CorpusSequences {
    const { stream } = this.trainSplit;
    const { mode, documentEnd } = this.summary;
    if (mode === 'instruct') return exampleSequences(stream, { length, seed, padding: documentEnd });
    const windows = this.summary.fim && this.fimWindows(seed, tokenizer);
    const makeSequence = windows && ((window: Window) => fimWindow(stream, window, windows));
    return { ...streamSequences(stream, length, seed, makeSequence), cut: 0, dropped: 0 };
  }

  private fimWindows(seed: number, tokenizer: FimTokenizer | undefined): FimWindows {
    const { fimRate, fimLoss, documentEnd, repositoryContext } = this.summary;
    if (!tokenizer) throw new TypeError("Windows with fill-in-the-middle need the base's tokenizer.");
    return {
      rate: fimRate,
      loss: fimLoss,
      seed,
      marks: fimMarks(tokenizer),
      documentEnd,
      fileSeparator: repositoryContext ? tokenizer.fileSeparator : undefined,
      tokenizer,
    };
  }

  /** The kind that is measured: code if any is held out, else prose, else data. */
  get measured(): Kind {
    if (this.summary.mode === 'instruct') return 'code';
    return measuredKind((kind) => this.heldOutRanges(kind).length > 0) ?? 'code';
  }

  /**
   * Held-out text of a kind (default: the measured one) in sequences of up to `length` predictions: all of them, or
   * `count` spread evenly, with at most a tenth from one file. Documents are neither shuffled nor repeated. Empty if
   * nothing of the kind is held out.
   */
  heldOutSequences(length: number, count?: number, kind = this.measured): Sequence[] {
    const { stream } = this.heldOutSplit;
    const { mode, documentEnd } = this.summary;
    if (mode === 'pretrain')
      return heldOutWindows(stream, length, count, this.heldOutRanges(kind)).filter(({ learned }) =>
        learned.includes(1),
      );
    return kind === 'code' ? exampleWindows(stream, { length, count, padding: documentEnd }) : [];
  }

  /**
   * The same for the measured kind in a corpus that continues an earlier one: only unchanged documents ("older"), or
   * only new and changed ones ("new"). Empty in other corpora.
   */
  heldOutByAge(length: number, count: number, age: Age): Sequence[] {
    if (!this.summary.changed) return [];
    const { measured } = this;
    const ranges = collectRanges(
      this.documents,
      (entry) => entryKind(entry) === measured && Boolean(entry.known) === (age === 'older'),
    );
    return ranges.length > 0 ? heldOutWindows(this.heldOutSplit.stream, length, count, ranges) : [];
  }

  private heldOutRanges(wanted: Kind): Range[] {
    const { heldOutKinds } = this.summary;
    // An old corpus is not ordered by kind: use the documents' entries.
    if (!heldOutKinds) return collectRanges(this.documents, (entry) => entryKind(entry) === wanted);
    const lengths = kinds.map((kind) => heldOutKinds[kind] ?? 0);
    const at = kinds.indexOf(wanted);
    const begin = lengths.slice(0, at).reduce((sum, length) => sum + length, 0);
    return lengths[at]! > 0 ? [{ begin, end: begin + lengths[at]! }] : [];
  }
}

/** The token ranges of the held-out documents that satisfy `wanted`. */
function collectRanges(documents: readonly KeptEntry[], wanted: (entry: KeptEntry) => boolean): Range[] {
  const ranges: Range[] = [];
  for (const entry of documents) {
    if (entry.split !== 'held-out' || entry.tokens === 0 || !wanted(entry)) continue;
    const { offset: begin, tokens } = entry;
    const last = ranges.at(-1);
    if (last?.end === begin) last.end += tokens;
    else ranges.push({ begin, end: begin + tokens });
  }
  return ranges;
}

interface Manifest {
  kept: KeptEntry[];
  leftOut: LeftOutEntry[];
}

/** The entries of all documents; broken lines are skipped. Throws like eachLineSync. */
export function readManifest(dir: string): Manifest {
  const manifest: Manifest = { kept: [], leftOut: [] };
  eachLineSync(manifestPath(dir), (line) => {
    const parsed = parseLine(manifestLineSchema, line);
    if (!parsed.ok) return;
    if (parsed.value.in) manifest.kept.push(parsed.value);
    else manifest.leftOut.push(parsed.value);
  });
  return manifest;
}
