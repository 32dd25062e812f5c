/** Shared by charts of metric sets: the metrics in words, and as a table with a row for each metric. */
import { whole } from '../../src/text/l10n.ts';
import type { Metric } from '../../src/protocol/evaluation.ts';
import type { MetricSet } from '../view-model/metric-sets.ts';
import { formatInterval } from '../view-model/format.ts';
import type { ChartView } from './view.ts';

interface MetricTable {
  caption: string;
  /** Heading of the column with the names of the rows. */
  corner: string;
  rows: readonly { name: string; metric: string }[];
  sets: readonly MetricSet[];
  /** The metrics are shares, so they are shown in percent. */
  share: boolean;
}

export function metricTable({
  caption,
  corner,
  rows,
  sets,
  share,
}: MetricTable): ReturnType<ChartView<never>['table']> {
  return {
    caption,
    head: [corner, ...sets.map(({ label }) => label), 'n'],
    rows: rows.map(({ name, metric }) => {
      const at = sets.map(({ metrics }) => metrics.find((one) => one.metric === metric));
      return [
        name,
        ...at.map((metric) => (metric ? formatInterval(metric, share) : '')),
        whole(at.find(Boolean)?.n ?? 0),
      ];
    }),
  };
}

/** "base: pass@1 30% (25 to 35%). result: ..." */
export const metricWords = (
  sets: readonly MetricSet[],
  nameOf: (metric: Metric) => string,
  share: boolean,
): string =>
  sets
    .map(
      ({ label, metrics }) =>
        `${label}: ${metrics.map((metric) => `${nameOf(metric)} ${formatInterval(metric, share)}`).join(', ')}.`,
    )
    .join(' ');
