/** Figures of several seeds: their mean, with an interval over the seeds and over the items. Pure. */
import { interval, type Figures, type Stratum } from '../statistics/intervals.ts';
import { ratio, type Interval } from '../statistics/statistics.ts';
import { studentQuantile } from '../statistics/student.ts';

/** A difference between runs is judged from at least so many seeds. */
export const LEAST_SEEDS = 3;

export interface SeededInterval extends Interval {
  /** One value for each seed, if there are several. */
  bySeed?: number[];
}

/**
 * The interval of a mean over seeds, from the one over items (the seeds as they are) and each seed's value. The two
 * reaches are independent, so their squares add up (Zou & Donner 2008); that over seeds is Student's t with n - 1
 * degrees of freedom, which at three seeds is 4.3 standard errors.
 */
export function overSeeds(items: Interval, bySeed: readonly number[]): SeededInterval {
  const n = bySeed.length;
  if (n < 2) return items;
  const { value, low, high } = items;
  const middle = bySeed.reduce((sum, value) => sum + value, 0) / n;
  const variance = bySeed.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (n - 1);
  const reach = studentQuantile(n - 1) * Math.sqrt(variance / n);
  return {
    value,
    low: value - Math.hypot(value - low, reach),
    high: value + Math.hypot(high - value, reach),
    bySeed: [...bySeed],
  };
}

/**
 * The mean over seeds of a statistic of each seed's figures. `bySeed`: the strata of each seed, with the same items in
 * the same order for all, so that a document is left out for all of them. Undefined as `interval` is.
 */
export function seededInterval(
  bySeed: readonly (readonly Stratum[])[],
  statistic: (figures: Figures, seed: number) => number,
): SeededInterval | undefined {
  const strata = bySeed[0]!.map((_, task) => bySeed.flatMap((seed) => seed[task]!));
  const valuesOf = (figures: Figures) => {
    const at = figures.map(() => 0);
    return bySeed.map((strata, seed) => {
      const own = strata.map((models, task) => figures[task]!.slice(at[task]!, (at[task]! += models.length)));
      return statistic(own, seed);
    });
  };
  const mean = (figures: Figures) => valuesOf(figures).reduce((sum, value) => sum + value, 0) / bySeed.length;
  const items = interval(strata, mean);
  return items && overSeeds(items, valuesOf(strata.map((models) => models.map(ratio))));
}
