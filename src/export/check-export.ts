/**
 * Checks an exported file: compares the distributions that llama.cpp computes from it with those that the trainer
 * computes for the trained model.
 */
import type { ExportCheck } from '../protocol/export.ts';
import type { RunSpec } from '../protocol/run.ts';
import { agreement } from '../runs/verify.ts';
import { BASE_MODEL, openLlamaHost } from '../serving/host/llama-host.ts';
import { startBackend } from '../tensor/index.ts';
import { openScorer } from '../training/scorer.ts';
import { divergences, mean, type Rows } from '../statistics/statistics.ts';

/** Mean KL per token up to which two models count as equal, if weights are exact or in half precision. */
export const EXACT_LIMIT = 1e-3;
/** The same, if llama.cpp computes with quantised weights and 8-bit activations. */
export const QUANTISED_LIMIT = 0.01;
/** A smaller change can drown in that noise; a larger one must be visible in the file. */
const VISIBLE_CHANGE = 1e-3;

export interface Distributions {
  /** Computed by the trainer, after each token. */
  trained: Rows;
  /** Computed by llama.cpp from the file. */
  written: Rows;
  /** The base without the change, computed by the trainer; for an adapter, by llama.cpp. */
  base: Rows;
}

/** Pure. */
export function judge({ trained, written, base }: Distributions, limit: number): ExportCheck {
  const kls = divergences(trained, written);
  const { meanKl, limit: applied, ok, counted: includedPositions } = agreement(kls, limit);
  const changes = divergences(trained, base);
  const change = mean(includedPositions.map((position) => changes[position]!));
  const excluded = kls
    .map((_, position) => position)
    .filter((position) => !includedPositions.includes(position));
  const meanAtExcluded = (values: readonly number[]) => mean(excluded.map((position) => values[position]!));
  // If the file is no nearer to the trained model than the base is, the change is missing from the file. The change
  // may also show only at few positions, which are excluded as sensitive.
  const changeIsMissing =
    meanKl >= change &&
    (change > VISIBLE_CHANGE ||
      (excluded.length > 0 &&
        meanAtExcluded(changes) > VISIBLE_CHANGE &&
        meanAtExcluded(kls) >= meanAtExcluded(changes)));
  return {
    tokens: trained.length,
    meanKl,
    maxKl: Math.max(...kls),
    limit: applied,
    change,
    ok: ok && !changeIsMissing,
  };
}

/** The trained model, as the scorer loads it. */
export interface TrainedFile extends Pick<RunSpec, 'base' | 'backend' | 'device' | 'planned'> {
  adapterPath?: string;
  modelPath?: string;
}

/** The trainer's distributions for the result and the base. */
export async function trainedRows(
  { base, backend: requestedBackend, device, planned, ...result }: TrainedFile,
  tokens: Int32Array,
): Promise<Pick<Distributions, 'trained' | 'base'>> {
  const backend = await startBackend(requestedBackend, { device, planned, orOther: true });
  const scorer = await openScorer({ basePath: base.path, ...result, backend });
  try {
    return {
      trained: await scorer.probabilities(tokens, 'result'),
      base: await scorer.probabilities(tokens, 'base'),
    };
  } finally {
    scorer.dispose();
  }
}

/** llama.cpp's distributions for a model, and for the model with the adapter if one is given. */
export async function servedRows(
  model: string,
  adapter: string | undefined,
  tokens: Int32Array,
  signal?: AbortSignal,
): Promise<{ model: Rows; adapted: Rows }> {
  const host = await openLlamaHost({
    basePath: model,
    adapters: adapter ? [{ name: 'adapter', path: adapter }] : [],
    contextSize: 2 * tokens.length,
    // Read only a few times, and a merged model may be larger than the memory.
    mapped: true,
  });
  try {
    const rows = await host.distributions(BASE_MODEL, tokens, signal);
    return { model: rows, adapted: adapter ? await host.distributions('adapter', tokens, signal) : rows };
  } finally {
    await host.dispose();
  }
}
