/** A written file, loaded again by llama.cpp, against the trainer's own arithmetic on what was trained. */
import type { ExportCheck } from '../protocol/export.ts';
import type { RunSpec } from '../protocol/run.ts';
import { BASE_MODEL, openLlamaHost } from '../serving/engine/llama-host.ts';
import { openScorer } from '../training/scorer.ts';
import { klDivergence } from '../statistics/statistics.ts';

type Rows = readonly ArrayLike<number>[];

/** Mean KL per token up to which it is the same model where weights are exact or in half precision. */
export const EXACT_LIMIT = 1e-3;
/** The same where llama.cpp computes quantised weights, with 8-bit activations. */
export const QUANTISED_LIMIT = 0.01;
/** A change as small as this can drown in that noise; a larger one must be seen in the file. */
const VISIBLE_CHANGE = 1e-3;

export interface Distributions {
  /** By the trainer, after each token. */
  trained: Rows;
  /** By llama.cpp from the file. */
  written: Rows;
  /** The base without the change, by whom `trained` or, of an adapter, `written` is. */
  base: Rows;
}

/** Pure. */
export function judge({ trained, written, base }: Distributions, limit: number): ExportCheck {
  const kls = divergences(trained, written);
  const meanKl = mean(kls);
  const change = mean(divergences(trained, base));
  // No nearer to what was trained than the base is: then the change is not in the file.
  const lost = change > VISIBLE_CHANGE && meanKl >= change;
  return {
    tokens: trained.length,
    meanKl,
    maxKl: Math.max(...kls),
    limit,
    change,
    ok: meanKl < limit && !lost,
  };
}

function divergences(from: Rows, to: Rows): number[] {
  if (from.length === 0 || from.length !== to.length)
    throw new Error(`${from.length} and ${to.length} positions`);
  return from.map((row, position) => klDivergence(normalised(row), normalised(to[position]!)));
}

/** Engines' single-precision probabilities add up to 1 within 1e-4 only, which is more than two good ones differ by. */
function normalised(row: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(row);
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => value / total);
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** What was trained, as the scorer takes it. */
export interface TrainedFile {
  base: RunSpec['base'];
  backend: RunSpec['backend'];
  adapterPath?: string;
  modelPath?: string;
}

/** The trainer's distributions of result and base. */
export async function trainedRows(
  { base, ...result }: TrainedFile,
  tokens: Int32Array,
): Promise<Pick<Distributions, 'trained' | 'base'>> {
  const scorer = await openScorer({ basePath: base.path, ...result });
  try {
    return {
      trained: await scorer.probabilities(tokens, 'result'),
      base: await scorer.probabilities(tokens, 'base'),
    };
  } finally {
    scorer.dispose();
  }
}

/** llama.cpp's distributions of a model, and where an adapter is given, of the model with it. */
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
  });
  try {
    const rows = await host.distributions(BASE_MODEL, tokens, signal);
    return { model: rows, adapted: adapter ? await host.distributions('adapter', tokens, signal) : rows };
  } finally {
    await host.dispose();
  }
}
