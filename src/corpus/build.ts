import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import { foldersOf, locate, type NamedFolder } from '../protocol/folders.ts';
import { corpusPlanSchema, type CorpusPlan } from '../protocol/run.ts';
import { renamePatiently, writeByRename } from '../platform/files/write-file.ts';
import { collect, heldOutShareOf, type CollectedCorpus, type CollectOptions } from './collect.ts';
import { kinds } from './kinds.ts';
import { cancelled } from './reading/documents.ts';
import { limitReplay } from './earlier-corpus.ts';
import { writeSplit } from './tokens/layout.ts';
import {
  splitNames,
  type CorpusSummary,
  type KeptEntry,
  type LeftOutEntry,
  type Split,
  type KeptDocument,
} from './manifest.ts';
import { changeTimes } from './reading/change-times.ts';
import { commitAt } from './reading/git.ts';
import { learnedPath, manifestPath, summaryPath, weightsPath } from './paths.ts';
import { recencyWeights } from './recency.ts';
import { Spool, type SpoolReader } from './tokens/spool.ts';
import { summarise } from './summary.ts';
import { NumberWriter } from './tokens/token-file.ts';
import {
  documentEnd,
  fimMarks,
  repositoryMarks,
  type CorpusTokenizer,
  type RepositoryMarks,
} from './tokens/tokenizer.ts';

export interface BuildProgress {
  /** Files and rows examined. */
  done: number;
  /** 0 while unknown. */
  total: number;
  tokens: number;
}

export interface BuildOptions extends Omit<CollectOptions, 'onProgress' | 'maxTokens'> {
  /** Directory to write into; created if missing. */
  out: string;
  tokenizer: CorpusTokenizer;
  /** Only mode, fimRate, fimLoss, repositoryContext, halfLifeDays and maxTokens are used here. */
  plan?: Partial<CorpusPlan> | undefined;
  onProgress?: ((progress: BuildProgress) => void) | undefined;
  /** For the summary; read after all documents, so their supplier may still add to it. */
  warnings?: readonly Text[] | undefined;
}

/**
 * Reads folders, documents or both into `out`: writes manifest.jsonl, the tokens of each split with the offsets of
 * their documents and, last, summary.json. Memory grows only with the number of documents, not with the text. Errors:
 * corpus-empty, corpus-unreadable, bad-argument, cancelled, and what `documents` throws.
 */
export async function buildCorpus(options: BuildOptions): Promise<CorpusSummary> {
  const { out } = options;
  const context = createContext(options);
  await mkdir(out, { recursive: true });
  await rm(summaryPath(out), { force: true });
  for (const split of splitNames) await rm(learnedPath(out, split), { force: true });
  await rm(weightsPath(out), { force: true });
  const spoolPath = join(out, 'all.tokens.tmp');
  const linesPath = join(out, 'manifest.jsonl.tmp');
  try {
    const heads = await headsOf(foldersOf(options), options.signal);
    const summary = { ...(await write(context, spoolPath, linesPath)), ...heads };
    await renamePatiently(linesPath, manifestPath(out));
    await writeByRename(summaryPath(out), `${JSON.stringify(summary, null, 2)}\n`);
    return summary;
  } finally {
    await Spool.remove(spoolPath);
    await rm(linesPath, { force: true });
  }
}

async function headsOf(
  folders: readonly NamedFolder[],
  signal: AbortSignal | undefined,
): Promise<Pick<CorpusSummary, 'heads'>> {
  const heads: Record<string, string> = {};
  for (const { path } of folders) {
    const head = await commitAt(path, 'HEAD', signal);
    if (head !== undefined) heads[path] = head;
  }
  return Object.keys(heads).length > 0 ? { heads } : {};
}

/** The options, and what is derived from them and the base. */
interface BuildContext {
  options: BuildOptions;
  plan: CorpusPlan;
  documentEnd: number;
  repository: { folders: readonly NamedFolder[]; marks: RepositoryMarks } | undefined;
}

function createContext(options: BuildOptions): BuildContext {
  const { tokenizer } = options;
  const folders = foldersOf(options);
  const plan = corpusPlanSchema.parse(options.plan ?? {});
  if (plan.mode === 'instruct' && (plan.fimRate > 0 || plan.repositoryContext))
    throw new UserError(
      'bad-argument',
      msg`Fill-in-the-middle and whole repository context are for --mode pretrain.`,
      msg`Leave them out, or train with --mode pretrain.`,
    );
  // Fail early if the base lacks tokens that training will need.
  if (plan.fimRate > 0) fimMarks(tokenizer);
  return {
    options,
    plan,
    documentEnd: documentEnd(tokenizer),
    repository:
      plan.repositoryContext && folders.length > 0
        ? { folders, marks: repositoryMarks(tokenizer) }
        : undefined,
  };
}

/** Everything except the final renaming. */
async function write(context: BuildContext, spoolPath: string, linesPath: string): Promise<CorpusSummary> {
  const { options, plan } = context;
  const { encode } = options.tokenizer;
  const flags = plan.mode === 'instruct';
  const lines = new LineWriter(linesPath);
  // The split of a document is known only at the end, so all are first written to one file.
  const spool = await Spool.create(spoolPath, {
    encode: (text, special) => encode(text, { special }),
    flags,
  });
  try {
    const collected = await collectInto(context, spool, lines);
    if (heldOutShareOf(options) > 0 && !collected.parts.some(({ entry }) => entry.split === 'held-out'))
      throw options.earlier ? nothingHeldOut() : tooLittle(collected.parts[0]!.entry.path);
    await weighByRecency(context, collected.parts);
    if (options.earlier)
      limitReplay(
        collected.parts.map(({ entry }) => entry),
        options.seed,
      );
    const entries = await layOutSplits(context, await spool.reader(), collected.parts);
    await writeWeights(options.out, entries);
    for (const entry of entries) await lines.write(entry);
    return summarise(entries, collected, context);
  } finally {
    await spool.close();
    await lines.close();
  }
}

function collectInto(
  { options, plan }: BuildContext,
  spool: Spool,
  lines: LineWriter,
): Promise<CollectedCorpus> {
  const { onProgress } = options;
  return collect(
    {
      ...options,
      maxTokens: plan.maxTokens,
      onProgress: onProgress && ((progress) => onProgress({ ...progress, tokens: spool.length })),
    },
    {
      keep: async ({ pieces }) => ({ tokens: await spool.add(pieces) }),
      leaveOut: (entry) => lines.write(entry),
    },
  );
}

/** Writes the splits' token files; returns the entries of `parts`, in order, with their offsets. */
async function layOutSplits(
  context: BuildContext,
  spool: SpoolReader,
  parts: readonly KeptDocument[],
): Promise<KeptEntry[]> {
  const { options, plan, repository, documentEnd: end } = context;
  const { out, tokenizer } = options;
  const layout = { out, spool, start: tokenizer.start, end, flags: plan.mode === 'instruct', repository };
  try {
    const places = new Map<KeptDocument, KeptEntry>();
    for (const split of splitNames) {
      const ofSplit = orderedParts(parts, split);
      (await writeSplit(layout, split, ofSplit)).forEach((entry, index) =>
        places.set(ofSplit[index]!, entry),
      );
    }
    return parts.map((part) => places.get(part)!);
  } finally {
    spool.close();
  }
}

/** Gives files that have not changed for long a smaller training weight. */
async function weighByRecency(
  { options, plan }: BuildContext,
  parts: readonly KeptDocument[],
): Promise<void> {
  const folders = foldersOf(options);
  const trainEntries = parts
    .filter(({ row, entry }) => !row && entry.split === 'train')
    .map(({ entry }) => entry);
  if (plan.halfLifeDays === 0 || folders.length === 0 || trainEntries.length === 0) return;
  const paths = trainEntries.map(({ path }) => path);
  const times = await changeTimesByDocument(folders, paths, options.signal);
  const known = trainEntries.filter(({ path }) => times.has(path));
  const weights = recencyWeights(
    known.map(({ path }) => times.get(path)!),
    plan.halfLifeDays,
  );
  for (const [index, entry] of known.entries()) if (weights[index]! < 1000) entry.weight = weights[index];
}

/** Change times by document path in the corpus; each folder has its own history. */
async function changeTimesByDocument(
  folders: readonly NamedFolder[],
  documents: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Map<string, number>> {
  const all = new Map<string, number>();
  for (const folder of folders) {
    const documentsByPath = new Map(
      documents.flatMap((document) => {
        const located = locate(folders, document);
        return located?.folder === folder ? [[located.path, document] as const] : [];
      }),
    );
    const times = await changeTimes(folder.path, [...documentsByPath.keys()], signal).catch(
      (error: unknown) => {
        throw signal?.aborted ? cancelled() : error;
      },
    );
    for (const [path, time] of times) all.set(documentsByPath.get(path)!, time);
  }
  return all;
}

async function writeWeights(out: string, entries: readonly KeptEntry[]): Promise<void> {
  const trainEntries = entries
    .filter(({ split, tokens }) => split === 'train' && tokens > 0)
    .sort((a, b) => a.offset - b.offset);
  if (trainEntries.every(({ weight }) => weight === undefined)) return;
  const file = await NumberWriter.create(weightsPath(out));
  try {
    for (const { offset, weight = 1000 } of trainEntries) await file.append([offset, weight]);
  } finally {
    await file.close();
  }
}

/**
 * Held-out text is ordered by kind, so that each kind can be measured separately. Documents of an earlier corpus come
 * first: windows that mix old and new would count as neither, and short files would be measured together with their
 * neighbours.
 */
function orderedParts(parts: readonly KeptDocument[], split: Split): KeptDocument[] {
  const ofSplit = parts.filter(({ entry }) => entry.split === split);
  const byAge = [
    ...ofSplit.filter(({ entry }) => entry.known),
    ...ofSplit.filter(({ entry }) => !entry.known),
  ];
  return split === 'train'
    ? byAge
    : kinds.flatMap((kind) => byAge.filter(({ entry }) => entry.kind === kind));
}

function tooLittle(path: string): UserError {
  return new UserError(
    'corpus-empty',
    msg`There is only ${path}: too little to hold out a part of it and learn from the rest.`,
    msg`Choose a folder that holds more source code, or a data set with more rows.`,
  );
}

const nothingHeldOut = () =>
  new UserError(
    'corpus-empty',
    msg`Nothing that the earlier run held out is still there, so learning could not be measured.`,
    msg`Train again without --continue.`,
  );

/** Writes JSON lines to a file, with backpressure. */
class LineWriter {
  private readonly stream: WriteStream;
  private failure: Error | undefined;

  constructor(path: string) {
    this.stream = createWriteStream(path);
    this.stream.on('error', (error) => (this.failure = error));
  }

  async write(entry: KeptEntry | LeftOutEntry): Promise<void> {
    if (this.failure) throw this.failure;
    if (!this.stream.write(`${JSON.stringify(entry)}\n`)) await once(this.stream, 'drain');
  }

  async close(): Promise<void> {
    const closed = this.stream.closed ? undefined : once(this.stream, 'close');
    this.stream.end();
    await closed;
    if (this.failure) throw this.failure;
  }
}
