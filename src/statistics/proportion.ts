/** The interval of a proportion. */
import { MISSED, wilson } from './statistics.ts';
import { incompleteBeta } from './student.ts';

/**
 * At 95%: Wilson's, mended where it is too near, which is where few answers are right, or few wrong: there it holds the
 * truth in as little as 83% of cases, mended in 91% or more (of 8 answers or more). The nearer end is then the exact one
 * of which the other side is left open (Brown, Cai & DasGupta 2001, Statistical Science 16, section 4.1.1, who take
 * Poisson's distribution for it). `successes` of `n` need not be whole.
 */
export function proportionInterval(successes: number, n: number): { low: number; high: number } {
  const { low, high } = wilson(successes, n);
  const few = n <= 50 ? 2 : 3;
  return {
    low: successes > few ? low : Math.min(low, exactLow(successes, n)),
    high: n - successes > few ? high : Math.max(high, 1 - exactLow(n - successes, n)),
  };
}

/** The proportion of which so many or more successes are seen in 5% of cases. */
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
