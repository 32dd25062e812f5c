import type { Sequence } from '../corpus/sequences.ts';
import type { Model } from '../model/index.ts';
import type { Metric } from '../protocol/evaluation.ts';

/**
 * Mean held-out loss in nats per learned token, with a normal 95% interval over sequences (the bootstrap of the
 * evaluator is for the final figures). Undefined when there is nothing to measure or `signal` fired.
 */
export async function measureHeldOut(
  model: Pick<Model, 'tokenLosses'>,
  sequences: readonly Sequence[],
  signal: AbortSignal,
): Promise<Metric | undefined> {
  const parts: { sum: number; weight: number }[] = [];
  for (const { tokens, learned, starts } of sequences) {
    if (signal.aborted) return undefined;
    const losses = await model.tokenLosses(tokens, { starts });
    parts.push({
      sum: losses.reduce((sum, loss, index) => sum + (learned[index] ? loss : 0), 0),
      weight: learned.reduce((sum, flag) => sum + flag, 0),
    });
  }
  const n = parts.length;
  if (n === 0) return undefined;
  const tokens = parts.reduce((total, { weight }) => total + weight, 0);
  const value = parts.reduce((total, { sum }) => total + sum, 0) / tokens;
  // Of a ratio of totals: the residuals' spread (Cochran, Sampling Techniques, 6.4).
  const residuals = parts.reduce((total, { sum, weight }) => total + (sum - value * weight) ** 2, 0);
  const margin = n > 1 ? (1.96 * Math.sqrt((residuals * n) / (n - 1))) / tokens : 0;
  return {
    task: 'heldout',
    metric: 'loss',
    value,
    low: value - margin,
    high: value + margin,
    n,
    setting: `during training: ${n} held-out sequences, ${tokens} tokens`,
  };
}
