/** How often intervals contain the true value, and how wide they are. */
import type { Pair } from '../../src/statistics/intervals.ts';
import { percentile } from '../../src/statistics/statistics.ts';
import { uniform } from '../../src/statistics/random.ts';
import type { Random, Setting } from './draws.ts';
import type { Group } from './settings.ts';

export interface Coverage {
  /** Share of draws whose interval contains the true value. */
  covered: number;
  /** The same, for the setting of the group with the lowest share. */
  least: number;
  /** Share of draws whose interval is wholly below the true value: of a loss, more was said to be gained than is true. */
  below: number;
  /** Median width. */
  width: number;
}
/** Computes the interval of a setting's figure. */
export type Method = (
  pairs: readonly Pair[],
  setting: Setting,
  random: Random,
) => { low: number; high: number };

const SEED = 20261126;

/** The coverage of each method, on the same draws: `draws` in all, divided evenly between the settings. */
export function measureCoverage({ settings }: Group, methods: readonly Method[], draws: number): Coverage[] {
  const each = Math.ceil(draws / settings.length);
  const found = methods.map(() => ({ shares: [] as number[], widths: [] as number[], below: 0 }));
  for (const [index, setting] of settings.entries()) {
    const random = uniform(SEED + index);
    const own = uniform(SEED);
    const truth = setting.truth[setting.of];
    const held = methods.map(() => 0);
    for (let draw = 0; draw < each; draw += 1) {
      const pairs = setting.draw(random);
      for (const [at, method] of methods.entries()) {
        const { low, high } = method(pairs, setting, own);
        // Intervals of answers may end exactly at the true value.
        held[at]! += Number(low <= truth + 1e-12 && high >= truth - 1e-12);
        found[at]!.widths.push(high - low);
        found[at]!.below += Number(high < truth - 1e-12);
      }
    }
    for (const [at, { shares }] of found.entries()) shares.push(held[at]! / each);
  }
  return found.map(({ shares, widths, below }) => ({
    covered: shares.reduce((sum, share) => sum + share, 0) / shares.length,
    least: Math.min(...shares),
    below: below / widths.length,
    width: percentile(
      widths.sort((a, b) => a - b),
      0.5,
    ),
  }));
}
