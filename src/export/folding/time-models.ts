/** Times an adapter on its base and its folded copy in llama.cpp. */
import type { LlamaContextSequence } from 'node-llama-cpp';
import { loadLlamaModel, readModelFile } from '../../llama-cpp/llama.ts';
import { watchLoad } from '../../platform/machine/machine-load.ts';
import { someTokens } from '../../serving/threads/threads.ts';

/** Milliseconds to generate a token, and to read 64 tokens of a prompt. */
export interface Times {
  token: number;
  prompt: number;
}

export interface BothTimes {
  adapted: Times;
  copy: Times;
  /** Number of cores that other programs kept busy meanwhile. */
  otherLoad: number;
}

/** Paths of a model and of an adapter on it. */
type TimedModel = readonly [string, string | undefined];

const TIMING_MS = 10_000;
/** Single tokens generated before each prompt; tokens in the context. */
const [TOKENS_A_TURN, READ] = [8, 128];

/** Alternates between both and takes the minimum, because other programs only add time. Throws like loadLlamaModel. */
export async function timeModels(
  adapted: TimedModel,
  copy: TimedModel,
  threads: number,
  signal?: AbortSignal,
  milliseconds = TIMING_MS,
): Promise<BothTimes> {
  const opened = [await open(adapted, threads), await open(copy, threads)];
  const fastest = opened.map((): Times => ({ token: Infinity, prompt: Infinity }));
  const otherLoad = watchLoad();
  try {
    const end = performance.now() + milliseconds;
    do {
      for (const [i, { sequence }] of opened.entries()) {
        signal?.throwIfAborted();
        for (let n = 0; n < TOKENS_A_TURN; n++)
          fastest[i]!.token = Math.min(
            fastest[i]!.token,
            await measure(sequence, () => writeToken(sequence)),
          );
        fastest[i]!.prompt = Math.min(
          fastest[i]!.prompt,
          await measure(sequence, () => readPrompt(sequence)),
        );
      }
    } while (performance.now() < end);
    return { adapted: fastest[0]!, copy: fastest[1]!, otherLoad: otherLoad() };
  } finally {
    for (const { dispose } of opened) await dispose();
  }
}

async function open([path, lora]: TimedModel, threads: number) {
  const model = await loadLlamaModel(await readModelFile(path));
  const context = await model.createContext({
    contextSize: 256,
    batchSize: 64,
    threads,
    failedCreationRemedy: false,
    ...(lora && { lora: { adapters: [{ filePath: lora, scale: 1 }] } }),
  });
  const sequence = context.getSequence();
  await sequence.evaluateWithoutGeneratingNewTokens(someTokens(READ));
  return { sequence, dispose: () => model.dispose() };
}

async function measure(sequence: LlamaContextSequence, work: () => Promise<unknown>): Promise<number> {
  await sequence.eraseContextTokenRanges([{ start: READ, end: sequence.nextTokenIndex }]);
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Generates the most likely token, as suggestions do. */
const writeToken = (sequence: LlamaContextSequence) =>
  sequence.controlledEvaluate([[someTokens(1)[0]!, { generateNext: { token: true } }]]);
const readPrompt = (sequence: LlamaContextSequence) =>
  sequence.evaluateWithoutGeneratingNewTokens(someTokens(64));
