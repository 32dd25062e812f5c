import type { Part } from '../../../src/evaluation/statistics.ts';

/** Each value counted once. */
export const partsOf = (values: ArrayLike<number>): Part[] =>
  Array.from(values, (sum) => ({ sum, weight: 1 }));
