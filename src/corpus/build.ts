import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import { foldersOf, locate, type NamedFolder } from '../protocol/folders.ts';
import { corpusPlanSchema, type CorpusPlan } from '../protocol/run.ts';
import { writeByRename } from '../platform/files/write-file.ts';
import { collect, shareOf, type Collected, type CollectOptions } from './collect.ts';
import { kinds } from './kinds.ts';
import { cancelled } from './reading/documents.ts';
import { weighReplay } from './earlier.ts';
import { layOut } from './tokens/layout.ts';
import {
  splitNames,
  type CorpusSummary,
  type KeptEntry,
  type LeftOutEntry,
  type Split,
  type KeptDocument,
} from './manifest.ts';
import { changeTimes } from './reading/change-times.ts';
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
  /** For the summary; used after all documents have been read, so their supplier may still add to it. */
  warnings?: readonly Text[] | undefined;
}

/**
 * Reads folders, documents or both into `out`: writes manifest.jsonl, the tokens of each split with the beginnings of
 * their documents and, last of all, summary.json. Memory grows only with the number of documents, not with the text.
 * Errors: corpus-empty, corpus-unreadable, bad-argument, cancelled, and what `documents` throws.
 */
export async function buildCorpus(options: BuildOptions): Promise<CorpusSummary> {
  const { out } = options;
  const making = makingOf(options);
  await mkdir(out, { recursive: true });
  await rm(summaryPath(out), { force: true });
  for (const split of splitNames) await rm(learnedPath(out, split), { force: true });
  await rm(weightsPath(out), { force: true });
  const spoolPath = join(out, 'all.tokens.tmp');
  const linesPath = join(out, 'manifest.jsonl.tmp');
  try {
    const summary = await write(making, spoolPath, linesPath);
    await rename(linesPath, manifestPath(out));
    await writeByRename(summaryPath(out), `${JSON.stringify(summary, null, 2)}\n`);
    return summary;
  } finally {
    await Spool.remove(spoolPath);
    await rm(linesPath, { force: true });
  }
}

/** The options, and what follows from them and the base. */
interface Making {
  options: BuildOptions;
  plan: CorpusPlan;
  documentEnd: number;
  repository: { folders: readonly NamedFolder[]; marks: RepositoryMarks } | undefined;
}

function makingOf(options: BuildOptions): Making {
  const { tokenizer } = options;
  const folders = foldersOf(options);
  const plan = corpusPlanSchema.parse(options.plan ?? {});
  if (plan.mode === 'instruct' && (plan.fimRate > 0 || plan.repositoryContext))
    throw new UserError(
      'bad-argument',
      msg`Fill-in-the-middle and whole repository context are for --mode pretrain.`,
      msg`Leave them out, or train with --mode pretrain.`,
    );
  // Throws now if the base lacks the tokens that training will need.
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
async function write(making: Making, spoolPath: string, linesPath: string): Promise<CorpusSummary> {
  const { options, plan } = making;
  const { encode } = options.tokenizer;
  const flags = plan.mode === 'instruct';
  const lines = new LineWriter(linesPath);
  // The split of a document is known only at the end, so all are first written to one file.
  const spool = await Spool.create(spoolPath, {
    encode: (text, special) => encode(text, { special }),
    flags,
  });
  try {
    const collected = await readInto(making, spool, lines);
    if (shareOf(options) > 0 && !collected.parts.some(({ entry }) => entry.split === 'held-out'))
      throw options.earlier ? noneHeldOut() : tooLittle(collected.parts[0]!.entry.path);
    await weighByRecency(making, collected.parts);
    if (options.earlier) weighReplay(collected.parts.map(({ entry }) => entry));
    const entries = await layOutSplits(making, await spool.reader(), collected.parts);
    await writeWeights(options.out, entries);
    for (const entry of entries) await lines.write(entry);
    return summarise(entries, collected, making);
  } finally {
    await spool.close();
    await lines.close();
  }
}

function readInto({ options, plan }: Making, spool: Spool, lines: LineWriter): Promise<Collected> {
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

/** Writes the splits' token files; returns the entries of `parts`, in their order, with their offsets. */
async function layOutSplits(
  making: Making,
  spool: SpoolReader,
  parts: readonly KeptDocument[],
): Promise<KeptEntry[]> {
  const { options, plan, repository, documentEnd: end } = making;
  const { out, tokenizer } = options;
  const layout = { out, spool, start: tokenizer.start, end, flags: plan.mode === 'instruct', repository };
  try {
    const places = new Map<KeptDocument, KeptEntry>();
    for (const split of splitNames) {
      const own = partsOf(parts, split);
      (await layOut(layout, split, own)).forEach((entry, index) => places.set(own[index]!, entry));
    }
    return parts.map((part) => places.get(part)!);
  } finally {
    spool.close();
  }
}

/** Gives files that have not changed for long a smaller weight in training. */
async function weighByRecency({ options, plan }: Making, parts: readonly KeptDocument[]): Promise<void> {
  const folders = foldersOf(options);
  const own = parts.filter(({ row, entry }) => !row && entry.split === 'train').map(({ entry }) => entry);
  if (plan.halfLifeDays === 0 || folders.length === 0 || own.length === 0) return;
  const paths = own.map(({ path }) => path);
  const times = await changeTimesOf(folders, paths, options.signal);
  const known = own.filter(({ path }) => times.has(path));
  const weights = recencyWeights(
    known.map(({ path }) => times.get(path)!),
    plan.halfLifeDays,
  );
  for (const [index, entry] of known.entries()) if (weights[index]! < 1000) entry.weight = weights[index];
}

/** The times of documents by their paths in the corpus; each folder has a history of its own. */
async function changeTimesOf(
  folders: readonly NamedFolder[],
  documents: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Map<string, number>> {
  const all = new Map<string, number>();
  for (const folder of folders) {
    const own = new Map(
      documents.flatMap((document) => {
        const found = locate(folders, document);
        return found?.folder === folder ? [[found.path, document] as const] : [];
      }),
    );
    const times = await changeTimes(folder.path, [...own.keys()], signal).catch((error: unknown) => {
      throw signal?.aborted ? cancelled() : error;
    });
    for (const [path, time] of times) all.set(own.get(path)!, time);
  }
  return all;
}

async function writeWeights(out: string, entries: readonly KeptEntry[]): Promise<void> {
  const own = entries
    .filter(({ split, tokens }) => split === 'train' && tokens > 0)
    .sort((a, b) => a.offset - b.offset);
  if (!own.some(({ weight }) => weight)) return;
  const file = await NumberWriter.create(weightsPath(out));
  try {
    for (const { offset, weight = 1000 } of own) await file.append([offset, weight]);
  } finally {
    await file.close();
  }
}

/**
 * Held-out text is ordered by kind, so that each kind can be measured separately. What an earlier corpus contained
 * comes first: windows with both would count for neither, and short files would be measured with what is around them.
 */
function partsOf(parts: readonly KeptDocument[], split: Split): KeptDocument[] {
  const own = parts.filter(({ entry }) => entry.split === split);
  const byAge = [...own.filter(({ entry }) => entry.known), ...own.filter(({ entry }) => !entry.known)];
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

const noneHeldOut = () =>
  new UserError(
    'corpus-empty',
    msg`Nothing is left of what the earlier run held out, so learning could not be measured.`,
    msg`Train again without --continue.`,
  );

/** Writes JSON lines to a file; waits if the disk is slower. */
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
