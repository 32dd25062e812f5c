/** From paired items to a Comparison: before, after and their difference, each with its interval. */
import type { Comparison, Metric } from '../protocol/evaluation.ts';
import { pairedBootstrap, wilson, type Interval, type Part } from './statistics.ts';

export interface PairedMeasure {
  task: string;
  metric: string;
  unit: string;
  better: Comparison['better'];
  /** How it was measured, for a person. */
  setting: string;
  /** The same items in the same order. */
  before: readonly Part[];
  after: readonly Part[];
  /** Items are right or wrong: where all agree, the bootstrap would claim certainty. */
  binary?: boolean;
}

export function compare(measure: PairedMeasure): Comparison {
  const { task, metric, unit, better, setting, before, after, binary = false } = measure;
  const n = before.length;
  const intervals = pairedBootstrap(before, after);
  if (binary) widen(intervals, n);
  const asMetric = (interval: Interval): Metric => ({ task, metric, ...interval, n, setting });
  const { difference } = intervals;
  return {
    task,
    metric,
    unit,
    better,
    before: asMetric(intervals.before),
    after: asMetric(intervals.after),
    difference,
    significant: difference.low > 0 || difference.high < 0,
  };
}

/**
 * Twenty problems that all fail, or fail and pass alike, say that the rate is small, not that it is zero: where
 * resampling can't vary, the interval is Wilson's, and for the difference Wilson's bound on the share that differs.
 */
function widen(intervals: { before: Interval; after: Interval; difference: Interval }, n: number): void {
  for (const interval of [intervals.before, intervals.after])
    if (interval.low === interval.high) Object.assign(interval, wilson(Math.round(interval.value * n), n));
  const { difference } = intervals;
  if (difference.low !== 0 || difference.high !== 0) return;
  const { high } = wilson(0, n);
  Object.assign(difference, { low: -high, high });
}
