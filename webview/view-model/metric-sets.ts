/** Metrics of base and results, side by side: HumanEval pass@k, unique programs. */
import { t } from '../../src/text/l10n.ts';
import type { Metric } from '../../src/protocol/evaluation.ts';
import { settingWithin } from './setting.ts';
import type { RunView } from './panel.ts';
import { textOf } from '../../src/text/message.ts';

export interface MetricSet {
  /** "base", or the run's label. */
  label: string;
  /** Undefined for the base. */
  styleIndex: number | undefined;
  metrics: Metric[];
}

/** What there was before the first run, as it measured it, then the results. Empty if no run has such a metric. */
export function metricSets(shown: readonly RunView[], match: (metric: Metric) => boolean): MetricSet[] {
  const results = shown.flatMap(({ snapshot, label, styleIndex }) => {
    const comparisons = (snapshot.summary?.comparisons ?? []).filter(({ after }) => match(after));
    return comparisons.length ? [{ label, styleIndex, snapshot, comparisons }] : [];
  });
  const [first] = results;
  if (!first) return [];
  const base = first.comparisons.map(({ before }) => before);
  return [
    { label: t('before'), styleIndex: undefined, metrics: base },
    ...results
      // Results on another base can't be compared with this base.
      .filter(({ snapshot }) => snapshot.spec.base.sha256 === first.snapshot.spec.base.sha256)
      .map(({ label, styleIndex, comparisons }) => ({
        label: results.length > 1 ? label : t('result'),
        styleIndex,
        metrics: comparisons.map(({ after }) => after),
      })),
  ];
}

/** How the metrics were measured; lists all settings if the runs differ. */
export const settingsOf = (sets: readonly MetricSet[]): string =>
  [
    ...new Set(
      sets.flatMap(({ metrics }) => metrics.map((metric) => settingWithin(textOf(metric, 'setting')))),
    ),
  ].join(t('; or '));
