/** How often intervals hold what is true, and how wide they are. */
import { uniform } from '../../src/model/random.ts';
import type { Pair } from '../../src/evaluation/intervals.ts';
import type { Group, Random, Setting } from './settings.ts';

export interface Coverage {
  /** Share of draws whose interval holds the truth. */
  covered: number;
  /** The lowest of any setting of the group. */
  least: number;
  /** Median. */
  width: number;
}
/** Of a setting's figure. */
export type Method = (
  pairs: readonly Pair[],
  setting: Setting,
  random: Random,
) => { low: number; high: number } | undefined;

const SEED = 20261126;

/** `draws` in all, the same for every method; shared out evenly over the settings. */
export function measureCoverage({ settings }: Group, method: Method, draws: number): Coverage {
  const each = Math.ceil(draws / settings.length);
  const widths: number[] = [];
  const shares = settings.map((setting, index) => {
    const random = uniform(SEED + index);
    const own = uniform(SEED);
    const truth = setting.truth[setting.of];
    let held = 0;
    for (let draw = 0; draw < each; draw += 1) {
      const found = method(setting.draw(random), setting, own);
      if (!found) return NaN;
      // Answers may touch it.
      held += Number(found.low <= truth + 1e-12 && found.high >= truth - 1e-12);
      widths.push(found.high - found.low);
    }
    return held / each;
  });
  widths.sort((a, b) => a - b);
  return {
    covered: shares.reduce((sum, share) => sum + share, 0) / shares.length,
    least: Math.min(...shares),
    width: widths[widths.length >> 1]!,
  };
}
