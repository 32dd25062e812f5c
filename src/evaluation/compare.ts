/** From the scores of items to figures: of one model, and of two with their paired difference. */
import type { Comparison, Metric } from '../protocol/evaluation.ts';
import { stratifiedBootstrap, wilson, type Intervals, type Part } from './statistics.ts';
import type { ItemScore, Measure } from './tasks/task.ts';

/** What was measured, and how. */
export interface Measured extends Measure {
  task: string;
  /** For a person. */
  setting: string;
}

/** A measure's counts: of each model, one for each item; the figure is a mean over strata, mostly of one. */
export interface Counts {
  measured: Measured;
  models: readonly Strata[];
}
type Strata = readonly (readonly Part[])[];

/** Of the items that have the metric; a measure that no item has is left out. `scores`: of each model. */
export function countsOf(measures: readonly Measured[], scores: readonly (readonly ItemScore[])[]): Counts[] {
  return measures
    .map((measured) => ({
      measured,
      models: scores.map((all) => [all.flatMap(({ parts }) => parts[measured.metric] ?? [])]),
    }))
    .filter(({ models: [first] }) => first![0]!.length > 0);
}

/** Before, after and their difference, paired over items: they are the same ones in the same order. */
export function compare({ measured, models: [before, after] }: Counts): Comparison {
  const { task, metric, unit, better, setting, binary = false } = measured;
  const n = before!.reduce((total, parts) => total + parts.length, 0);
  const intervals = stratifiedBootstrap(before!.map((parts, i) => ({ before: parts, after: after![i]! })));
  if (binary) widen(intervals, n);
  return {
    task,
    metric,
    unit,
    better,
    before: { task, metric, ...intervals.before, n, setting },
    after: { task, metric, ...intervals.after, n, setting },
    difference: intervals.difference,
    significant: intervals.difference.low > 0 || intervals.difference.high < 0,
  };
}

/** The only model's figure. */
export const figure = ({ measured, models: [model] }: Counts): Metric =>
  compare({ measured, models: [model!, model!] }).before;

/**
 * Twenty problems that all fail, or fail and pass alike, say that the rate is small, not that it is zero: where
 * resampling can't vary, the interval is Wilson's, and for the difference Wilson's bound on the share that differs.
 */
function widen(intervals: Intervals, n: number): void {
  for (const interval of [intervals.before, intervals.after])
    if (interval.low === interval.high) Object.assign(interval, wilson(Math.round(interval.value * n), n));
  const { difference } = intervals;
  if (difference.low !== 0 || difference.high !== 0) return;
  const { high } = wilson(0, n);
  Object.assign(difference, { low: -high, high });
}
