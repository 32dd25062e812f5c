import {
  findComparison,
  isStated,
  nameOfMetric,
  type Comparison,
  type Metric,
  type Summary,
} from '../../protocol/evaluation.ts';
import { formatDifferenceInterval, formatValue } from '../../text/units.ts';
import { formatTable } from './format.ts';

/** The last cells of a row in both comparison tables: the result, and how it differs. */
const resultCells = ({ after, difference, significant }: Comparison): string[] => [
  formatValue(after.value),
  formatDifferenceInterval(difference),
  significant ? '' : 'no difference seen',
  `n = ${after.n}`,
];

/**
 * A row for each metric: before, after and the paired difference with its 95% interval. Ends with an empty line; empty
 * without metrics. `stated`: tasks whose metrics are stated by the adapter's publisher.
 */
export function comparisonTable(
  comparisons: readonly Comparison[],
  {
    names = ['before', 'after'],
    stated,
  }: { names?: readonly [string, string]; stated?: Summary['stated'] } = {},
): string[] {
  const rows = comparisons.map((comparison) => [
    `${comparison.task} ${nameOfMetric(comparison.metric)}${comparison.unit ? ` (${comparison.unit})` : ''}${isStated({ stated }, comparison) ? ', as its publisher states' : ''}`,
    formatValue(comparison.before.value),
    ...resultCells(comparison),
  ]);
  if (rows.length === 0) return [];
  return [...formatTable([['', ...names, 'difference [95%]', '', ''], ...rows]), ''];
}

/** The base, the result of the continued run and this result side by side; empty unless the run continues another. */
export function earlierTable({ comparisons, earlier }: Pick<Summary, 'comparisons' | 'earlier'>): string[] {
  const baseValue = ({ task, metric }: Comparison) =>
    findComparison(comparisons, task, metric)?.before.value ?? NaN;
  const rows = (earlier?.comparisons ?? []).map((comparison) => [
    comparison.metric,
    formatValue(baseValue(comparison)),
    formatValue(comparison.before.value),
    ...resultCells(comparison),
  ]);
  if (rows.length === 0) return [];
  const names = ['base', 'continued run', 'this run', 'against that run [95%]'];
  return [...formatTable([['', ...names, '', ''], ...rows]), ''];
}

/** A row for each metric with its 95% interval. */
export function metricTable(metrics: readonly Metric[]): string[] {
  const rows = metrics.map(({ task, metric, value, low, high, n, setting }) => [
    `${task} ${nameOfMetric(metric)}`,
    formatValue(value),
    `[${formatValue(low)}, ${formatValue(high)}]`,
    `n = ${n}`,
    setting,
  ]);
  return formatTable([['', 'value', '95%', '', 'setting'], ...rows]);
}
