import type { Model } from '../model/index.ts';
import type { Metric } from '../protocol/evaluation.ts';

/**
 * Mean held-out loss in nats per token over `windows`, with a normal 95% interval over windows (the bootstrap of
 * the evaluator is for the final figures). Undefined when there is nothing to measure or `signal` fired.
 */
export async function measureHeldOut(
  model: Model,
  windows: Int32Array[],
  signal: AbortSignal,
): Promise<Metric | undefined> {
  const means: number[] = [];
  let tokens = 0;
  for (const window of windows) {
    if (signal.aborted) return undefined;
    const losses = await model.tokenLosses(window);
    tokens += losses.length;
    means.push(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
  }
  const n = means.length;
  if (n === 0) return undefined;
  const value = means.reduce((sum, mean) => sum + mean, 0) / n;
  const variance = n > 1 ? means.reduce((sum, mean) => sum + (mean - value) ** 2, 0) / (n - 1) : 0;
  const margin = 1.96 * Math.sqrt(variance / n);
  return {
    task: 'heldout',
    metric: 'loss',
    value,
    low: value - margin,
    high: value + margin,
    n,
    setting: `during training: ${n} held-out windows, ${tokens} tokens`,
  };
}
