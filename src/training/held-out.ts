import type { Sequence } from '../corpus/tokens/sequences.ts';
import { pairedIntervals } from '../statistics/intervals.ts';
import { sum, type RatioItem } from '../statistics/statistics.ts';
import type { Model } from '../model/index.ts';
import type { Metric } from '../protocol/evaluation.ts';
import { msg, withTexts } from '../text/message.ts';

/** Held-out windows measured during training; the evaluator measures all of them at the end. */
export const LIVE_WINDOWS = 4;

type LossModel = Pick<Model, 'tokenLosses'>;

/** The loss in nats, summed over the learned tokens of a sequence, and their number. `base`: with the adapter off. */
export async function learnedLoss(
  model: LossModel,
  { tokens, learned, starts }: Sequence,
  base = false,
): Promise<RatioItem> {
  const losses = await model.tokenLosses(tokens, { starts, base });
  return { sum: sum(losses.filter((_, at) => learned[at])), weight: sum(learned) };
}

/**
 * Nats, tokens and document of each sequence; undefined if there is nothing to measure or `signal` fired. `base`: with
 * the adapter off.
 */
export async function heldOutParts(
  model: LossModel,
  sequences: readonly Sequence[],
  signal: AbortSignal,
  base = false,
): Promise<RatioItem[] | undefined> {
  const parts: RatioItem[] = [];
  for (const sequence of sequences) {
    if (signal.aborted) return undefined;
    const { document } = sequence;
    const part = await learnedLoss(model, sequence, base);
    parts.push({ ...part, ...(document !== undefined && { document: String(document) }) });
  }
  return parts.length ? parts : undefined;
}

/** Mean held-out loss in nats per learned token, with its interval. */
export function heldOutLoss(parts: readonly RatioItem[]): Metric {
  const n = parts.length;
  const tokens = parts.reduce((total, { weight }) => total + weight, 0);
  const sizes = msg`${n} held-out sequences, ${tokens} tokens`;
  return {
    task: 'workspace',
    metric: 'loss',
    ...pairedIntervals(parts, parts).after,
    n,
    ...withTexts({ setting: msg`${'during training'}: ${sizes}` }),
  };
}
