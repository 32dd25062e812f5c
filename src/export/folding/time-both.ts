/** Times an adapter on its base beside its folded copy, in llama.cpp. */
import type { LlamaContextSequence } from 'node-llama-cpp';
import { loadLlamaModel, readModelFile } from '../../llama-cpp/llama.ts';
import { watchLoad } from '../../platform/machine/machine-load.ts';
import { someTokens } from '../../serving/threads/threads.ts';

/** Milliseconds of a token, and of 64 tokens of a prompt. */
export interface Times {
  token: number;
  prompt: number;
}

export interface BothTimes {
  adapted: Times;
  copy: Times;
  /** Processors that other programs kept busy meanwhile. */
  othersBusy: number;
}

/** Paths of a model, and of an adapter on it. */
type Side = readonly [string, string | undefined];

const TIMING_MS = 10_000;
/** Number of single tokens before the next prompt; tokens in the context. */
const [TOKENS_A_TURN, READ] = [8, 128];

/** By turns; the least time of each counts, because other programs only make it longer. Throws like loadLlamaModel. */
export async function timeBoth(
  adapted: Side,
  copy: Side,
  threads: number,
  signal?: AbortSignal,
  milliseconds = TIMING_MS,
): Promise<BothTimes> {
  const opened = [await open(adapted, threads), await open(copy, threads)];
  const least = opened.map((): Times => ({ token: Infinity, prompt: Infinity }));
  const othersBusy = watchLoad();
  try {
    const end = performance.now() + milliseconds;
    do {
      for (const [i, { sequence }] of opened.entries()) {
        signal?.throwIfAborted();
        for (let n = 0; n < TOKENS_A_TURN; n++)
          least[i]!.token = Math.min(least[i]!.token, await timeOf(sequence, () => writeToken(sequence)));
        least[i]!.prompt = Math.min(least[i]!.prompt, await timeOf(sequence, () => readPrompt(sequence)));
      }
    } while (performance.now() < end);
    return { adapted: least[0]!, copy: least[1]!, othersBusy: othersBusy() };
  } finally {
    for (const { dispose } of opened) await dispose();
  }
}

async function open([path, lora]: Side, threads: number) {
  const model = await loadLlamaModel(await readModelFile(path));
  const context = await model.createContext({
    ...{ contextSize: 256, batchSize: 64, threads, failedCreationRemedy: false },
    ...(lora && { lora: { adapters: [{ filePath: lora, scale: 1 }] } }),
  });
  const sequence = context.getSequence();
  await sequence.evaluateWithoutGeneratingNewTokens(someTokens(READ));
  return { sequence, dispose: () => model.dispose() };
}

async function timeOf(sequence: LlamaContextSequence, work: () => Promise<unknown>): Promise<number> {
  await sequence.eraseContextTokenRanges([{ start: READ, end: sequence.nextTokenIndex }]);
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** The likeliest, as suggestions are written. */
const writeToken = (sequence: LlamaContextSequence) =>
  sequence.controlledEvaluate([[someTokens(1)[0]!, { generateNext: { token: true } }]]);
const readPrompt = (sequence: LlamaContextSequence) =>
  sequence.evaluateWithoutGeneratingNewTokens(someTokens(64));
