/**
 * KTO (Ethayarajh et al. 2024): learning from texts that are desirable or not, without pairs. What counts is the log-ratio
 * of a text, its log-probability by the model less that by the reference, in nats. Pure functions.
 */

/** How soon a log-ratio is enough; the paper's. */
const BETA = 0.1;

export type ClassWeights = Record<'desirable' | 'undesirable', number>;

/** A few texts would else outweigh each a step's all others. */
const LARGEST_WEIGHT = 8;

/** Both kinds weigh the same together: the paper's lambdas, of which the larger class has 1. */
export function classWeights(desirable: number, undesirable: number): ClassWeights {
  const most = Math.max(desirable, undesirable);
  const weight = (count: number) => (count > 0 ? Math.min(LARGEST_WEIGHT, most / count) : 0);
  return { desirable: weight(desirable), undesirable: weight(undesirable) };
}

/** z0, how far the model is from the reference: from the log-ratios of texts in places that they don't belong to. */
export const referencePoint = (mismatched: readonly number[]): number =>
  Math.max(0, mismatched.reduce((sum, one) => sum + one, 0) / Math.max(1, mismatched.length));

export interface Term {
  loss: number;
  /** Its derivative by the log-ratio. */
  slope: number;
}

/** One text's part of the loss. z0 is a constant in it. */
export function ktoTerm(logRatio: number, desirable: boolean, z0: number, weights: ClassWeights): Term {
  const sign = desirable ? 1 : -1;
  const weight = weights[desirable ? 'desirable' : 'undesirable'];
  const value = 1 / (1 + Math.exp(-BETA * sign * (logRatio - z0)));
  return { loss: weight * (1 - value), slope: -sign * weight * BETA * value * (1 - value) };
}
