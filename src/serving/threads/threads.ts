/** Finds the fastest number of threads by trial, because more than a few may be slower. */
import type { LlamaModel, Token } from 'node-llama-cpp';
import { cpus } from 'node:os';
import { usableProcessors } from '../../platform/machine/processors.ts';
import { keptThreads, knownThreads } from './kept-threads.ts';

/** Tokens of a small test request: prompt tokens, and generated ones. */
const READ = 48;
const WRITTEN = 8;
/** Limit of all trials together; a large model gets fewer. */
const MOST_MS = 4000;
/** More threads must need less than this share of the time, because other programs need threads too. */
const GAIN = 0.95;

// With layers on a GPU, fewer threads may have enough to do.
const measured = (model: LlamaModel, path: string) => ({ path, gpuLayers: model.gpuLayers });

/**
 * The number of threads with which a short prompt and answer take the least time: 1, 2, 4 and so on up to the number of
 * cores. Cached (kept-threads.ts). Aborting `signal` ends it soon.
 */
export function measureThreads(
  model: LlamaModel,
  path: string,
  { cores = usableProcessors(), signal }: { cores?: number; signal?: AbortSignal } = {},
): ReturnType<typeof keptThreads> {
  return keptThreads(measured(model, path), cores, async () => {
    const trials: Record<string, number> = {};
    const threads = await fastest(candidatesFor(cores), async (candidate) => {
      const milliseconds = await timeTrial(model, candidate, signal);
      trials[candidate] = Math.round(milliseconds);
      return milliseconds;
    });
    return { threads, trials };
  });
}

/** What was measured earlier; else a guess, which costs no time. `others`: processors that other programs keep busy. */
export async function likelyThreads(model: LlamaModel, path: string, others: number): Promise<number> {
  const cores = usableProcessors();
  return (
    (await knownThreads(measured(model, path), cores)) ?? guessThreads({ cores, all: cpus().length, others })
  );
}

/**
 * Half of the cores, but two where there are two: a prompt is read in half the time. Fewer where other programs work:
 * llama.cpp's threads wait for each other by spinning, so that one that gets no core stops all.
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
    if (spent > MOST_MS) break;
  }
  return best.candidate;
}

async function timeTrial(model: LlamaModel, threads: number, signal?: AbortSignal): Promise<number> {
  signal?.throwIfAborted();
  const context = await model.createContext({
    contextSize: 2 * (READ + WRITTEN),
    batchSize: READ,
    threads,
    failedCreationRemedy: false,
  });
  try {
    const sequence = context.getSequence();
    const tokens = someTokens(READ);
    // Warm up: the first run touches memory.
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(0, 8));
    await sequence.clearHistory();
    const began = performance.now();
    let written = 0;
    for await (const token of sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true })) {
      signal?.throwIfAborted();
      written += token >= 0 ? 1 : 0;
      if (written >= WRITTEN) break;
    }
    return performance.now() - began;
  } finally {
    await context.dispose();
  }
}

/** For what is only timed: IDs that every vocabulary has. */
export const someTokens = (count: number): Token[] =>
  Array.from({ length: count }, (_, index) => (index % 97) + 3) as Token[];
