import { MISSED, wilson } from './statistics.ts';
import { incompleteBeta } from './student.ts';

/**
 * 95% interval of `successes` of `n`, which need not be integers: Wilson's, corrected near 0 and 1. There the coverage
 * of Wilson's is as low as 83%, that of the corrected one 91% or more (for n >= 8). The end near 0 or 1 is replaced by
 * the exact one-sided bound (Brown, Cai & DasGupta 2001, Statistical Science 16, section 4.1.1, who use a Poisson
 * bound).
 */
export function proportionInterval(successes: number, n: number): { low: number; high: number } {
  const { low, high } = wilson(successes, n);
  const few = n <= 50 ? 2 : 3;
  return {
    low: successes > few ? low : Math.min(low, exactLow(successes, n)),
    high: n - successes > few ? high : Math.max(high, 1 - exactLow(n - successes, n)),
  };
}

/** The proportion for which `successes` or more have a probability of 5%. */
function exactLow(successes: number, n: number): number {
  if (successes <= 0) return 0;
  let [low, high] = [0, successes / n];
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (incompleteBeta(middle, successes, n - successes + 1) < MISSED) low = middle;
    else high = middle;
  }
  return low;
}
