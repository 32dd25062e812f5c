/** Finds the fastest number of threads by trial, because more threads may be slower. */
import type { LlamaModel, Token } from 'node-llama-cpp';
import { cpus } from 'node:os';
import { usableProcessors } from '../../platform/machine/processors.ts';
import { cachedThreads, readCachedThreads } from './thread-cache.ts';

/** Tokens of a small test request: prompt tokens, and generated ones. */
const PROMPT_TOKENS = 48;
const ANSWER_TOKENS = 8;
/** Time limit of all trials; a large model gets fewer. */
const MAX_MS = 4000;
/** More threads must take less than this share of the time, because other programs need processors too. */
const GAIN = 0.95;

// With layers on a GPU, fewer threads may be enough.
const measuredBase = (model: LlamaModel, path: string) => ({ path, gpuLayers: model.gpuLayers });

/**
 * The number of threads with which a short prompt and answer take the least time, out of 1, 2, 4 and so on up to the
 * number of cores. Cached (thread-cache.ts). Aborting `signal` ends it soon.
 */
export function measureThreads(
  model: LlamaModel,
  path: string,
  { cores = usableProcessors(), signal }: { cores?: number; signal?: AbortSignal } = {},
): ReturnType<typeof cachedThreads> {
  return cachedThreads(measuredBase(model, path), cores, async () => {
    const trials: Record<string, number> = {};
    const threads = await fastest(candidatesFor(cores), async (candidate) => {
      const milliseconds = await timeTrial(model, candidate, signal);
      trials[candidate] = Math.round(milliseconds);
      return milliseconds;
    });
    return { threads, trials };
  });
}

/** The cached measurement, else a guess, which takes no time. `others`: processors that other programs keep busy. */
export async function estimateThreads(model: LlamaModel, path: string, others: number): Promise<number> {
  const cores = usableProcessors();
  return (
    (await readCachedThreads(measuredBase(model, path), cores)) ??
    guessThreads({ cores, all: cpus().length, others })
  );
}

/**
 * Half of the cores, but both of two: that halves the time for a prompt. Fewer if other programs are busy: llama.cpp's
 * threads spin while waiting for each other, so a thread without a core stalls all.
 */
export function guessThreads({ cores, all, others }: { cores: number; all: number; others: number }): number {
  const most = Math.min(cores, Math.max(2, Math.floor(cores / 2)));
  return Math.max(1, Math.min(most, Math.round(all - others)));
}

export function candidatesFor(cores: number): number[] {
  const powers = Array.from({ length: Math.floor(Math.log2(cores)) + 1 }, (_, power) => 2 ** power);
  return [...new Set([...powers, cores])];
}

/** The candidate with the least time; ends early if more threads have become slower, or time is up. */
export async function fastest(
  candidates: readonly number[],
  time: (candidate: number) => Promise<number>,
): Promise<number> {
  let best = { candidate: candidates[0] ?? 1, milliseconds: Infinity };
  let spent = 0;
  for (const candidate of candidates) {
    const milliseconds = await time(candidate);
    spent += milliseconds;
    if (milliseconds < best.milliseconds * GAIN) best = { candidate, milliseconds };
    else if (milliseconds > best.milliseconds * 1.5) break;
    if (spent > MAX_MS) break;
  }
  return best.candidate;
}

async function timeTrial(model: LlamaModel, threads: number, signal?: AbortSignal): Promise<number> {
  signal?.throwIfAborted();
  const context = await model.createContext({
    contextSize: 2 * (PROMPT_TOKENS + ANSWER_TOKENS),
    batchSize: PROMPT_TOKENS,
    threads,
    failedCreationRemedy: false,
  });
  try {
    const sequence = context.getSequence();
    const tokens = someTokens(PROMPT_TOKENS);
    // Warm up: the first run touches memory.
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(0, 8));
    await sequence.clearHistory();
    const startedAt = performance.now();
    let written = 0;
    for await (const token of sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true })) {
      signal?.throwIfAborted();
      written += token >= 0 ? 1 : 0;
      if (written >= ANSWER_TOKENS) break;
    }
    return performance.now() - startedAt;
  } finally {
    await context.dispose();
  }
}

/** Token ids that every vocabulary has, for timing only. */
export const someTokens = (count: number): Token[] =>
  Array.from({ length: count }, (_, index) => (index % 97) + 3) as Token[];
