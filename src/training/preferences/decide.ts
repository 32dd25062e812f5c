/** Decides whether what was learned from preferences is kept. Pure. */
import { pairedIntervals } from '../../statistics/intervals.ts';
import type { Interval, RatioItem } from '../../statistics/statistics.ts';
import { formatDifferenceInterval } from '../../protocol/units.ts';

/** Measurements at one strength. */
export interface Measured {
  strength: number;
  /** The loss of each held-out preference. */
  preferences: RatioItem[];
  /** Bits and bytes at each held-out cursor; empty if the run has none. */
  code: RatioItem[];
}

export interface Decision {
  taken: boolean;
  /** The reason, as a clause without "because". */
  why: string;
  preferences: Interval;
  code?: Interval;
}

/** The bits per byte at held-out cursors may rise by this share without a significant difference. */
const TOLERANCE = 0.01;

/**
 * Accepted only if it is better at every strength; otherwise returns the first rejection. `before` and `after` have the
 * same strengths.
 */
export function decide(before: readonly Measured[], after: readonly Measured[]): Decision {
  const decisions = before.map((one, at) => decideAt(one, after[at]!));
  return decisions.find(({ taken }) => !taken) ?? decisions[0]!;
}

/** Accepted if held-out preferences are significantly better and held-out code is not worse. */
function decideAt(before: Measured, after: Measured): Decision {
  const preferences = pairedIntervals(before.preferences, after.preferences);
  const code = before.code.length > 0 ? pairedIntervals(before.code, after.code) : undefined;
  const better = preferences.difference.high < 0;
  const worse =
    code !== undefined && (code.difference.low > 0 || code.difference.value > TOLERANCE * code.before.value);
  const figures = [
    `at strength ${before.strength} the loss of held-out preferences went from ${preferences.before.value.toFixed(3)} to ${preferences.after.value.toFixed(3)} (${formatDifferenceInterval(preferences.difference)})`,
    ...(code
      ? [`bits per byte at held-out cursors changed by ${formatDifferenceInterval(code.difference)}`]
      : []),
  ].join(', ');
  return {
    taken: better && !worse,
    why: `${figures}${better ? '' : ', which is no significant gain'}${worse ? ', which is a loss' : ''}`,
    preferences: preferences.difference,
    ...(code && { code: code.difference }),
  };
}
