/** What a run learns from: its corpus and, if planned, replayed text mixed in. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ResolveOptions } from '../base-models/resolve-options.ts';
import { withTokenizer, type Tokenizer } from '../llama-cpp/tokenizer.ts';
import { detectMode } from '../corpus/datasets/documents.ts';
import {
  buildCorpus,
  mixSequences,
  openCorpus,
  type Corpus,
  type CorpusSequences,
  type SequenceSource,
} from '../corpus/index.ts';
import { buildPlanned } from '../corpus/build-from-plan.ts';
import type { SourceDocument } from '../corpus/reading/source.ts';
import { readHeader, type GgufFile } from '../gguf/index.ts';
import { corpusPlanSchema, type CorpusPlan, type Hyper, type RunSpec } from '../protocol/run.ts';
import { BASE_MODEL, openLlamaHost, type LlamaHost } from '../serving/host/llama-host.ts';
import { sampledTexts } from '../serving/host/sampled-texts.ts';
import { findRun } from '../runs/index.ts';
import { earlierCorpus } from './continued.ts';
import { openSequences, type Closable } from './sequences.ts';
import type { Text } from '../text/message.ts';

/** The part of a RunSpec that is used here. */
type CorpusSpec = Pick<RunSpec, 'folder' | 'folders' | 'base' | 'continues'> & {
  corpus: CorpusPlan;
  hyper: Hyper;
};

interface Progress {
  signal: AbortSignal;
  /** Reports what is being done. */
  phase(name: string): Promise<void>;
}

const replayDir = (corpus: string) => join(corpus, 'replay');
/** Whether a corpus is complete: its summary is written last. */
const isComplete = (dir: string) => existsSync(join(dir, 'summary.json'));

/** The corpus in a run's directory, rebuilt if it is incomplete. Errors: those of buildPlanned and openCorpus. */
export async function runCorpus(out: string, spec: CorpusSpec, { signal, phase }: Progress): Promise<Corpus> {
  if (!isComplete(out)) {
    await phase('Reading files');
    const { folder, folders, corpus: plan, hyper, continues } = spec;
    const earlier = continues && (await earlierCorpus(await findRun(continues.run), spec));
    await withBase(spec.base.path, (base) =>
      buildPlanned({ ...base, plan, folder, folders, out, seed: hyper.seed, earlier, signal }),
    );
  }
  return await openCorpus(out);
}

/** The sequences to train on, which must be closed. `corpus` is the directory. */
export async function trainingSequences(
  corpus: string,
  main: Corpus,
  spec: CorpusSpec,
  progress: Progress,
): Promise<SequenceSource & Closable & { warnings: Text[] }> {
  const mainSequences = await openSequences(main, spec.base.path, spec.hyper);
  try {
    return {
      ...(await withReplay(corpus, mainSequences, spec, progress)),
      close: mainSequences.close,
    };
  } catch (error) {
    await mainSequences.close();
    throw error;
  }
}

async function withReplay(
  corpus: string,
  mainSequences: CorpusSequences,
  spec: CorpusSpec,
  progress: Progress,
): Promise<SequenceSource & { warnings: Text[] }> {
  const { sequenceLength, seed } = spec.hyper;
  const warnings: Text[] = [];
  if (mainSequences.cut)
    warnings.push(
      `${mainSequences.cut} examples are longer than --seq ${sequenceLength} and were cut off there.`,
    );
  if (mainSequences.dropped)
    warnings.push(
      `${mainSequences.dropped} examples were left out, because the part to learn begins after --seq ${sequenceLength} tokens.`,
    );
  const { replay } = spec.corpus;
  if (!replay) return { ...mainSequences, warnings };
  const dir = replayDir(corpus);
  if (!isComplete(dir)) {
    await progress.phase(replay.source === 'base' ? 'Sampling text from the base' : 'Reading replay');
    await buildReplay(corpus, spec, progress);
  }
  const replayed = (await openCorpus(dir)).sequences(sequenceLength, seed);
  return { ...mixSequences(mainSequences, replayed, replay.rate, seed), warnings };
}

/**
 * Maximum number of tokens to sample from the base: it writes some hundreds per second, and few are needed against
 * forgetting.
 */
const MAX_SAMPLED_TOKENS = 200_000;
const SAMPLED_LENGTH = 512;
const SAMPLING_SEQUENCES = 8;

/**
 * Builds the replay part of a corpus, with as many tokens as the run's replay rate needs, and without what the run
 * holds out. A data set is replayed as instructions with answers if the run learns from instructions and the set has
 * some, else as text.
 */
export async function buildReplay(
  corpus: string,
  spec: CorpusSpec,
  { signal, fetching }: { signal: AbortSignal; fetching?: Pick<ResolveOptions, 'onProgress' | 'confirm'> },
): Promise<void> {
  const { replay, mode } = spec.corpus;
  if (!replay) return;
  const { steps, batch, accumulate, sequenceLength, seed } = spec.hyper;
  const tokens = Math.ceil(replay.rate * steps * batch * accumulate + 1) * sequenceLength;
  const shared = { out: replayDir(corpus), seed, heldOutShare: 0, signal };
  await withBase(spec.base.path, async (base) => {
    if (replay.source === 'base') {
      const plan = corpusPlanSchema.parse({ maxTokens: Math.min(tokens, MAX_SAMPLED_TOKENS) });
      await buildCorpus({ ...shared, tokenizer: base.tokenizer, plan, documents: baseTexts(spec, signal) });
      return;
    }
    const options = { ...fetching, signal };
    const plan = corpusPlanSchema.parse({
      mode: await detectMode(replay.source, mode, options),
      data: replay.source,
      maxTokens: tokens,
    });
    const { documents } = await openCorpus(corpus);
    const heldOut = documents.filter(({ split }) => split === 'held-out');
    const heldOutByRun = new Set(heldOut.map(({ sha256 }) => sha256));
    await buildPlanned({ ...shared, ...base, plan, fetching, heldOutByRun });
  });
}

/** An endless stream of texts. llama.cpp's host is closed when the consumer stops. */
async function* baseTexts({ base }: CorpusSpec, signal: AbortSignal): AsyncGenerator<SourceDocument> {
  let host: Promise<LlamaHost> | undefined;
  const texts = sampledTexts({
    purpose: 'replay',
    baseSha256: base.sha256,
    tokens: SAMPLED_LENGTH,
    host: () =>
      (host ??= openLlamaHost({
        basePath: base.path,
        contextSize: 2 * SAMPLED_LENGTH,
        sequences: SAMPLING_SEQUENCES,
      })),
    model: BASE_MODEL,
    batch: 2 * SAMPLING_SEQUENCES,
    signal,
  });
  let number = 0;
  try {
    for await (const { text, ended } of texts)
      yield {
        path: `text ${(number += 1)}`,
        pieces: [{ text, learned: true }],
        ...(ended ? {} : { unfinished: true }),
      };
  } finally {
    await (await host)?.dispose();
  }
}

/** Calls `work` with the tokenizer and the metadata of a base. Errors: those of opening it, and of `work`. */
export async function withBase<T>(
  path: string,
  work: (base: { tokenizer: Tokenizer; metadata: GgufFile['metadata'] }) => Promise<T>,
): Promise<T> {
  const { metadata } = await readHeader(path);
  return withTokenizer(path, (tokenizer) => work({ tokenizer, metadata }));
}
