import type { Sequence } from '../corpus/sequences.ts';
import { ratio, sum, type Part } from '../evaluation/statistics.ts';
import type { Model } from '../model/index.ts';
import type { Metric } from '../protocol/evaluation.ts';

type Measured = Pick<Model, 'tokenLosses'>;

/** Nats of the tokens that are learned of a sequence, and how many those are. */
export async function learnedLoss(model: Measured, { tokens, learned, starts }: Sequence): Promise<Part> {
  const losses = await model.tokenLosses(tokens, { starts });
  return { sum: sum(losses.filter((_, at) => learned[at])), weight: sum(learned) };
}

/** Nats and tokens of each sequence; undefined when there is nothing to measure or `signal` fired. */
export async function heldOutParts(
  model: Measured,
  sequences: readonly Sequence[],
  signal: AbortSignal,
): Promise<Part[] | undefined> {
  const parts: Part[] = [];
  for (const sequence of sequences) {
    if (signal.aborted) return undefined;
    parts.push(await learnedLoss(model, sequence));
  }
  return parts.length ? parts : undefined;
}

/**
 * Mean held-out loss in nats per learned token, with a normal 95% interval over sequences (the bootstrap of the
 * evaluator is for the final figures).
 */
export function heldOutLoss(parts: readonly Part[]): Metric {
  const n = parts.length;
  const tokens = parts.reduce((total, { weight }) => total + weight, 0);
  const value = ratio(parts);
  // Of a ratio of totals: the residuals' spread (Cochran, Sampling Techniques, 6.4).
  const residuals = parts.reduce((total, part) => total + (part.sum - value * part.weight) ** 2, 0);
  const margin = n > 1 ? (1.96 * Math.sqrt((residuals * n) / (n - 1))) / tokens : 0;
  return {
    task: 'workspace',
    metric: 'loss',
    value,
    low: value - margin,
    high: value + margin,
    n,
    setting: `during training: ${n} held-out sequences, ${tokens} tokens`,
  };
}
