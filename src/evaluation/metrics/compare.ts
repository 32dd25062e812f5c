/** Turns item scores into metrics: of one model, or of two with their paired difference. */
import type { Comparison, Metric } from '../../protocol/evaluation.ts';
import { stratifiedIntervals, type MetricKind } from '../../statistics/intervals.ts';
import type { RatioItem } from '../../statistics/statistics.ts';
import type { Item, ItemScore, Measure } from '../task.ts';
import { type Text, withTexts } from '../../text/message.ts';

/** A measure, and how it was measured. */
export interface Measured extends Measure {
  task: string;
  /** How it was measured, for display. */
  setting: Text;
}

/** A measure's counts, by model and item. The metric is a mean over strata, usually a single one. */
export interface Counts {
  measured: Measured;
  models: readonly Strata[];
}
type Strata = readonly (readonly RatioItem[])[];

/**
 * The counts of the items that have the metric; a measure that no item has is left out. `scores`: for each model, one
 * score per item.
 */
export function countsOf(
  measures: readonly Measured[],
  scores: readonly (readonly ItemScore[])[],
  items: readonly Pick<Item, 'document'>[],
): Counts[] {
  return measures
    .map((measured) => ({ measured, models: scores.map((all) => [partsOf(measured.metric, all, items)]) }))
    .filter(({ models: [first] }) => first![0]!.length > 0);
}

/** A metric's counts of the items that have it, with their documents. */
export const partsOf = (
  metric: string,
  scores: readonly ItemScore[],
  items: readonly Pick<Item, 'document'>[] = [],
): RatioItem[] => scores.flatMap(({ parts }, at) => withDocument(parts[metric], items[at]?.document) ?? []);

/** Not if a model's weights have become too large. */
export const areNumbers = ({ models }: Counts): boolean =>
  models.flat(2).every(({ sum }) => Number.isFinite(sum));

/** An item's count, with the item's document. */
export const withDocument = (
  part: RatioItem | undefined,
  document: string | undefined,
): RatioItem | undefined => (part && document !== undefined ? { ...part, document } : part);

/** Before, after and their difference, paired over items: both models have the same items in the same order. */
export function compare({ measured, models: [before, after] }: Counts): Comparison {
  const { task, metric, unit, better } = measured;
  const setting = withTexts({ setting: measured.setting });
  const n = before!.reduce((total, parts) => total + parts.length, 0);
  const pairs = before!.map((parts, i) => ({ before: parts, after: after![i]! }));
  const intervals = stratifiedIntervals(pairs, intervalKind(measured));
  const { low, high } = intervals.difference;
  return {
    task,
    metric,
    unit,
    better,
    before: { task, metric, ...intervals.before, n, ...setting },
    after: { task, metric, ...intervals.after, n, ...setting },
    difference: intervals.difference,
    // A single item can't show a significant difference.
    significant: before!.every((parts) => parts.length > 1) && (low > 0 || high < 0),
  };
}

/** The metric of a single model. */
export const metricOf = ({ measured, models: [model] }: Counts): Metric =>
  compare({ measured, models: [model!, model!] }).before;

const intervalKind = ({ binary, better, unit }: Measured): MetricKind => {
  if (binary) return 'answers';
  // Lower is better for losses, divergences and times; other metrics are shares, or numbers with a unit.
  if (better === 'lower') return 'amount';
  return unit === '' ? 'share' : 'number';
};
