/** The coverage of the product's intervals. */
import { stratifiedIntervals } from '../../src/statistics/intervals.ts';
import { uniform } from '../../src/statistics/random.ts';
import type { Group } from './settings.ts';

interface Coverage {
  /** Share of draws whose interval contains the true value. */
  covered: number;
  /** The same, for the setting of the group with the lowest share. */
  least: number;
  /** Share of draws whose interval is entirely below the true value, which for a loss overstates the gain. */
  below: number;
}

const SEED = 20261126;

/** `draws`: the total, divided evenly between the settings. */
export function measureCoverage({ settings }: Group, draws: number): Coverage {
  const each = Math.ceil(draws / settings.length);
  let below = 0;
  const shares = settings.map(({ kind, of, truth: { [of]: truth }, draw }, index) => {
    const random = uniform(SEED + index);
    let held = 0;
    for (let i = 0; i < each; i += 1) {
      const { low, high } = stratifiedIntervals(draw(random), kind)[of];
      // Intervals of answers may end exactly at the true value.
      held += Number(low <= truth + 1e-12 && high >= truth - 1e-12);
      below += Number(high < truth - 1e-12);
    }
    return held / each;
  });
  return {
    covered: shares.reduce((sum, share) => sum + share, 0) / shares.length,
    least: Math.min(...shares),
    below: below / (each * settings.length),
  };
}
