/** Effects, and the verdict that follows from their intervals (rule: docs/science.md). */
import type { Effect, Verdict } from '../protocol/reproduction.ts';
import type { Means, Stratum } from '../statistics/intervals.ts';
import { strataOf, type Compared } from './evidence.ts';
import { seededInterval } from './seeds.ts';

/** An effect for which no interval can be computed, such as a share of what was learned if nothing was learned. */
export interface MissingEffect {
  name: string;
  missing: true;
}

export interface Judged {
  effects: (Effect | MissingEffect)[];
  notes?: string[];
}

type ClaimedRange = Pick<Effect, 'above' | 'below'>;
export const POSITIVE: ClaimedRange = { above: 0 };

export interface Named {
  name: string;
  unit?: string;
  /** The range that the claim predicts; without one, the effect does not count towards the verdict. */
  claimed?: ClaimedRange;
}

/** One effect. Without an interval, a missing effect if it counts towards the verdict, else none. */
export function effectOf(
  { name, unit = '', claimed = {} }: Named,
  bySeed: readonly (readonly Stratum[])[],
  statistic: (means: Means, seed: number) => number,
): Judged['effects'] {
  const found = seededInterval(bySeed, statistic);
  if (found) return [{ name, unit, ...found, ...claimed }];
  return claimed.above === undefined && claimed.below === undefined ? [] : [{ name, missing: true }];
}

/** `bySeed`: what is compared, for each seed; `statistic`: computed from one seed's means. */
export const effect = (
  named: Named,
  bySeed: readonly (readonly Compared[])[],
  statistic: (means: Means) => number,
): Judged['effects'] => effectOf(named, strataOf(bySeed), statistic);

/** Whether the interval lies inside the claimed range, outside it, or across its boundary. */
function sideOf({ low, high, above, below }: Effect): 'inside' | 'outside' | 'across' {
  if (low > (above ?? -Infinity) && high < (below ?? Infinity)) return 'inside';
  if (high < (above ?? -Infinity) || low > (below ?? Infinity)) return 'outside';
  return 'across';
}

/**
 * "holds" if all effects with a claimed range are inside it, "does not hold" if one is outside, else "can't tell".
 */
export function verdictOf(effects: readonly Effect[]): Exclude<Verdict, 'not run'> {
  const deciding = effects.filter(({ above, below }) => above !== undefined || below !== undefined);
  const sides = deciding.map(sideOf);
  if (sides.includes('outside')) return 'does not hold';
  return sides.length > 0 && sides.every((side) => side === 'inside') ? 'holds' : "can't tell";
}
