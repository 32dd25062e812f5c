/** The mean over several seeds, with an interval that covers both seeds and items. Pure. */
import { interval, type Means, type Stratum } from '../statistics/intervals.ts';
import { mean, ratio, type Interval } from '../statistics/statistics.ts';
import { studentQuantile } from '../statistics/student.ts';

/** Minimum number of seeds for judging a difference between runs. */
export const MIN_SEEDS = 3;

interface SeededInterval extends Interval {
  /** One value for each seed, if there are several. */
  bySeed?: number[];
}

/**
 * The interval of a mean over seeds, from the interval over items (for these seeds) and each seed's value. The two
 * margins are independent, so their squares add up (Zou & Donner 2008); the one over seeds uses Student's t with n - 1
 * degrees of freedom, which is 4.3 standard errors for three seeds.
 */
export function overSeeds(items: Interval, bySeed: readonly number[]): SeededInterval {
  const n = bySeed.length;
  if (n < 2) return items;
  const { value, low, high } = items;
  const middle = mean(bySeed);
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
 * The mean over seeds of a statistic. `bySeed`: the strata of each seed, with the same items in the same order, so that
 * the jackknife leaves out a document for all seeds at once. Undefined where `interval` is.
 */
export function seededInterval(
  bySeed: readonly (readonly Stratum[])[],
  statistic: (means: Means, seed: number) => number,
): SeededInterval | undefined {
  const strata = bySeed[0]!.map((_, task) => bySeed.flatMap((seed) => seed[task]!));
  const valuesOf = (means: Means) => {
    const at = means.map(() => 0);
    return bySeed.map((strata, seed) => {
      const own = strata.map((models, task) => means[task]!.slice(at[task]!, (at[task]! += models.length)));
      return statistic(own, seed);
    });
  };
  const items = interval(strata, (means) => mean(valuesOf(means)));
  return items && overSeeds(items, valuesOf(strata.map((models) => models.map(ratio))));
}
