import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../protocol/errors.ts';
import { corpusPlanSchema, type CorpusPlan } from '../protocol/run.ts';
import { writeByRename } from '../protocol/write-file.ts';
import { collect, shareOf, type Collected, type CollectOptions, type KeptDocument } from './collect.ts';
import { kinds } from './reading/kinds.ts';
import { cancelled } from './reading/documents.ts';
import { weighReplay } from './earlier.ts';
import { layOut } from './tokens/layout.ts';
import { splitNames, type CorpusSummary, type KeptEntry, type LeftOutEntry, type Split } from './manifest.ts';
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
  /** Files and rows looked at. */
  done: number;
  /** 0 while it is not known. */
  total: number;
  tokens: number;
}

export interface BuildOptions extends Omit<CollectOptions, 'onProgress' | 'maxTokens'> {
  /** Directory to write into; made when missing. */
  out: string;
  tokenizer: CorpusTokenizer;
  /** Of which mode, fimRate, fimLoss, repositoryContext, halfLifeDays and maxTokens count here. */
  plan?: Partial<CorpusPlan> | undefined;
  onProgress?: ((progress: BuildProgress) => void) | undefined;
  /** For the summary; read when everything has been read, so the supplier of documents may fill it. */
  warnings?: readonly string[] | undefined;
}

/**
 * Reads a folder, documents or both into `out`: manifest.jsonl, the tokens of each split with their documents'
 * beginnings and, last of all, summary.json. Memory doesn't grow with the text, only with the number of documents.
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

/** What was asked for, and what it takes of the base. */
interface Making {
  options: BuildOptions;
  plan: CorpusPlan;
  documentEnd: number;
  repository: { name: string; marks: RepositoryMarks } | undefined;
}

function makingOf(options: BuildOptions): Making {
  const { tokenizer, folder } = options;
  const plan = corpusPlanSchema.parse(options.plan ?? {});
  if (plan.mode === 'instruct' && (plan.fimRate > 0 || plan.repositoryContext))
    throw new UserError(
      'bad-argument',
      'Fill-in-the-middle and whole repository context are for --mode pretrain.',
      'Leave them out, or train with --mode pretrain.',
    );
  // Training will need them.
  if (plan.fimRate > 0) fimMarks(tokenizer);
  return {
    options,
    plan,
    documentEnd: documentEnd(tokenizer),
    repository:
      plan.repositoryContext && folder !== undefined
        ? { name: basename(resolve(folder)), marks: repositoryMarks(tokenizer) }
        : undefined,
  };
}

/** Everything but the last renaming. */
async function write(making: Making, spoolPath: string, linesPath: string): Promise<CorpusSummary> {
  const { options, plan } = making;
  const { encode } = options.tokenizer;
  const flags = plan.mode === 'instruct';
  const lines = new LineWriter(linesPath);
  // Which document goes where is only known at the end, so all lie in one file first.
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

/** The places of `parts`, in their order. */
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

/** Files count the less in training the longer they have not been changed. */
async function weighByRecency({ options, plan }: Making, parts: readonly KeptDocument[]): Promise<void> {
  const { folder, signal } = options;
  const own = parts.filter(({ row, entry }) => !row && entry.split === 'train').map(({ entry }) => entry);
  if (plan.halfLifeDays === 0 || folder === undefined || own.length === 0) return;
  const paths = own.map(({ path }) => path);
  const times = await changeTimes(folder, paths, signal).catch((error: unknown) => {
    throw signal?.aborted ? cancelled() : error;
  });
  const known = own.filter(({ path }) => times.has(path));
  const weights = recencyWeights(
    known.map(({ path }) => times.get(path)!),
    plan.halfLifeDays,
  );
  for (const [index, entry] of known.entries()) if (weights[index]! < 1000) entry.weight = weights[index];
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
 * Held-out text lies kind by kind, so that each can be measured apart. What an earlier corpus held comes first: of
 * windows that lay on both, neither could be told, and short files would count by what is around them.
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
    `There is only ${path}, too little to hold a part of it out and to learn from the rest.`,
    'Choose a folder that holds more source code, or a data set with more rows.',
  );
}

const noneHeldOut = () =>
  new UserError(
    'corpus-empty',
    'Of what the earlier run held out nothing is left, so what is learned could not be measured.',
    'Train anew, without --continue.',
  );

/** JSON lines to a file, held back while the disk is slower. */
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
