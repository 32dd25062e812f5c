/** Whether what was learned from preferences is kept. Pure. */
import { pairedIntervals } from '../../evaluation/intervals.ts';
import type { Interval, Part } from '../../evaluation/statistics.ts';
import { formatDifference } from '../../protocol/units.ts';

export interface Measured {
  /** The loss of each held-out preference. */
  preferences: Part[];
  /** Bits and bytes at each held-out cursor; none where the run has none. */
  code: Part[];
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

/** Taken only where held-out preferences are better by more than noise, and held-out code is no worse. */
export function decide(before: Measured, after: Measured): Decision {
  const preferences = pairedIntervals(before.preferences, after.preferences);
  const code = before.code.length > 0 ? pairedIntervals(before.code, after.code) : undefined;
  const better = preferences.difference.high < 0;
  const worse =
    code !== undefined && (code.difference.low > 0 || code.difference.value > TOLERANCE * code.before.value);
  const figures = [
    `the loss of held-out preferences went from ${preferences.before.value.toFixed(3)} to ${preferences.after.value.toFixed(3)} (${changed(preferences.difference)})`,
    ...(code ? [`bits per byte at held-out cursors by ${changed(code.difference)}`] : []),
  ].join(', ');
  return {
    taken: better && !worse,
    why: `${figures}${better ? '' : ', which is no gain that can be told from noise'}${worse ? ', which is a loss' : ''}`,
    preferences: preferences.difference,
    ...(code && { code: code.difference }),
  };
}

const changed = ({ value, low, high }: Interval) =>
  `${formatDifference(value)} [${formatDifference(low)}, ${formatDifference(high)}]`;
