/** The interval of a proportion. */
import { MISSED, wilson } from './statistics.ts';
import { incompleteBeta } from './student.ts';

/**
 * 95% interval of `successes` of `n`, which need not be whole: Wilson's, corrected if few answers are right or few are
 * wrong. There Wilson's contains the true value in as few as 83% of cases, the corrected one in 91% or more (for n of 8
 * or more). The end near 0 or 1 is then the exact one-sided bound (Brown, Cai & DasGupta 2001, Statistical Science 16,
 * section 4.1.1, who use Poisson's distribution for it).
 */
export function proportionInterval(successes: number, n: number): { low: number; high: number } {
  const { low, high } = wilson(successes, n);
  const few = n <= 50 ? 2 : 3;
  return {
    low: successes > few ? low : Math.min(low, exactLow(successes, n)),
    high: n - successes > few ? high : Math.max(high, 1 - exactLow(n - successes, n)),
  };
}

/** The proportion at which `successes` or more are seen in 5% of cases. */
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
