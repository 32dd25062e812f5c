/** Whether what was learned from preferences is kept. Pure. */
import { pairedIntervals } from '../../statistics/intervals.ts';
import type { Interval, RatioItem } from '../../statistics/statistics.ts';
import { formatDifferenceInterval } from '../../protocol/units.ts';

/** At one strength. */
export interface Measured {
  strength: number;
  /** The loss of each held-out preference. */
  preferences: RatioItem[];
  /** Bits and bytes at each held-out cursor; none where the run has none. */
  code: RatioItem[];
}

export interface Decision {
  taken: boolean;
  /** Without the "because". */
  why: string;
  preferences: Interval;
  code?: Interval;
}

/** Of the bits per byte at held-out cursors, what may be lost without being told from noise. */
const TOLERANCE = 0.01;

/** Taken only where it is better at every strength, which are the same before and after; else the first that says no. */
export function decide(before: readonly Measured[], after: readonly Measured[]): Decision {
  const decisions = before.map((one, at) => decideAt(one, after[at]!));
  return decisions.find(({ taken }) => !taken) ?? decisions[0]!;
}

/** Better is where held-out preferences are so by more than noise, and held-out code is no worse. */
function decideAt(before: Measured, after: Measured): Decision {
  const preferences = pairedIntervals(before.preferences, after.preferences);
  const code = before.code.length > 0 ? pairedIntervals(before.code, after.code) : undefined;
  const better = preferences.difference.high < 0;
  const worse =
    code !== undefined && (code.difference.low > 0 || code.difference.value > TOLERANCE * code.before.value);
  const figures = [
    `at strength ${before.strength} the loss of held-out preferences went from ${preferences.before.value.toFixed(3)} to ${preferences.after.value.toFixed(3)} (${formatDifferenceInterval(preferences.difference)})`,
    ...(code ? [`bits per byte at held-out cursors by ${formatDifferenceInterval(code.difference)}`] : []),
  ].join(', ');
  return {
    taken: better && !worse,
    why: `${figures}${better ? '' : ', which is no gain that can be told from noise'}${worse ? ', which is a loss' : ''}`,
    preferences: preferences.difference,
    ...(code && { code: code.difference }),
  };
}
