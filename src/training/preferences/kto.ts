/**
 * KTO (Ethayarajh et al. 2024): learning from texts that are desirable or undesirable, without pairs. It uses the
 * log-ratio of a text: its log-probability under the model minus that under the reference, in nats. Pure functions.
 */

/** The paper's beta: the larger, the sooner a log-ratio is large enough. */
const BETA = 0.1;

export type ClassWeights = Record<'desirable' | 'undesirable', number>;

/** Limits the weight of a rare class, so that one of its texts can't outweigh all others in a step. */
const LARGEST_WEIGHT = 8;

/** Weights with which both classes count the same in total: the paper's lambdas; the larger class has 1. */
export function classWeights(desirable: number, undesirable: number): ClassWeights {
  const most = Math.max(desirable, undesirable);
  const weight = (count: number) => (count > 0 ? Math.min(LARGEST_WEIGHT, most / count) : 0);
  return { desirable: weight(desirable), undesirable: weight(undesirable) };
}

/**
 * z0, which estimates how far the model is from the reference: the mean log-ratio of texts in places that they don't
 * belong to, at least 0.
 */
export const referencePoint = (mismatched: readonly number[]): number =>
  Math.max(0, mismatched.reduce((sum, one) => sum + one, 0) / Math.max(1, mismatched.length));

export interface Term {
  loss: number;
  /** Derivative of the loss by the log-ratio. */
  slope: number;
}

/** One text's term of the loss; z0 is treated as a constant. */
export function ktoTerm(logRatio: number, desirable: boolean, z0: number, weights: ClassWeights): Term {
  const sign = desirable ? 1 : -1;
  const weight = weights[desirable ? 'desirable' : 'undesirable'];
  const value = 1 / (1 + Math.exp(-BETA * sign * (logRatio - z0)));
  return { loss: weight * (1 - value), slope: -sign * weight * BETA * value * (1 - value) };
}
