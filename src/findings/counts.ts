/** Formats shares of items. Pure. */
import { completionMetrics, type Comparison, type Metric } from '../protocol/evaluation.ts';
import { percent, t } from '../text/l10n.ts';

/**
 * How many items are right; undefined for a mean of shares, or if items can be partially right, as with several
 * samples.
 */
export function exactCount({ metric, value, n }: Metric): number | undefined {
  if (metric === 'average') return undefined;
  const count = Math.round(value * n);
  return Math.abs(value * n - count) < 1e-6 ? count : undefined;
}
/** "42", or "28.0%" if items can be partially right. */
export const countOrShare = (metric: Metric): string =>
  exactCount(metric)?.toString() ?? percent(metric.value, 1);
export const countText = (metric: Metric): string =>
  exactCount(metric) === undefined
    ? countOrShare(metric)
    : t('{done} of {total}', { done: countOrShare(metric), total: metric.n });

/** "30 → 42 of 100 lines", short enough for a list; undefined if no lines were completed. */
export function completedLines(comparisons: readonly Comparison[]): string | undefined {
  const { lines } = completionMetrics(comparisons);
  return (
    lines &&
    t('{before} \u2192 {after} lines', { before: countOrShare(lines.before), after: countText(lines.after) })
  );
}
