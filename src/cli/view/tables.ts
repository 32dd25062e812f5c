import {
  isStated,
  nameOfMetric,
  type Comparison,
  type Metric,
  type Summary,
} from '../../protocol/evaluation.ts';
import { beforeOf, columnsOf, isAgainstBase } from '../../findings/before.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { formatDifferenceInterval, formatValue } from '../../text/units.ts';
import { formatTable } from './format.ts';

/**
 * A row for each metric: of the base, of what training began with, of the result, and the paired difference with its 95%
 * interval. Ends with an empty line; empty without metrics. `stated`: tasks whose metrics are stated by the adapter's
 * publisher. `spec`: of the run; without it, the columns are before and after.
 */
export function comparisonTable(
  comparisons: readonly Comparison[],
  {
    names = ['before', 'after'],
    stated,
    spec,
  }: {
    names?: readonly [string, string];
    stated?: Summary['stated'];
    spec?: Pick<RunSpec, 'continues' | 'reference' | 'fetched'>;
  } = {},
): string[] {
  const valuesOf = (comparison: Comparison): (Metric | undefined)[] =>
    spec ? columnsOf(spec, comparison) : [comparison.before, comparison.after];
  const rows = comparisons.map((comparison) => [
    `${comparison.task} ${nameOfMetric(comparison.metric)}${comparison.unit ? ` (${comparison.unit})` : ''}${isStated({ stated }, comparison) ? ', as its publisher states' : ''}`,
    ...valuesOf(comparison).map((metric) => (metric ? formatValue(metric.value) : '')),
    formatDifferenceInterval(comparison.difference),
    comparison.significant ? '' : 'no difference seen',
    `n = ${comparison.after.n}${spec && isAgainstBase(spec, comparison.task) ? '; from the base' : ''}`,
  ]);
  if (rows.length === 0) return [];
  const heads = spec ? shortNames[beforeOf(spec)] : names;
  return [...formatTable([['', ...heads, 'difference [95%]', '', ''], ...rows]), ''];
}

const shortNames = {
  base: ['base', 'yours'],
  reference: ['base', 'with extension', 'yours'],
  continued: ['base', 'before', 'yours'],
};

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
