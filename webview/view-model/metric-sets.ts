/** Metrics of base and results, side by side: HumanEval pass@k, unique programs. */
import { showsLearning } from '../../src/findings/task-facts.ts';
import { t } from '../../src/text/l10n.ts';
import type { Comparison, Metric } from '../../src/protocol/evaluation.ts';
import { beforeLabel } from './labels.ts';
import { settingWithin } from './setting.ts';
import { sameCorpus, type RunView } from './panel.ts';
import { textOf } from '../../src/text/message.ts';

export interface MetricSet {
  /** "before", "base alone", or the run's label. */
  label: string;
  /** Undefined for the base. */
  styleIndex: number | undefined;
  metrics: Metric[];
}

/** A result's metrics that may stand beside another run's. */
interface ResultBeside {
  run: RunView;
  comparisons: Comparison[];
}
type Measured = Pick<Metric, 'task' | 'metric' | 'setting' | 'n'>;

/**
 * The results of `runs` beside which what was measured before the first run may stand: on the same base, with the same
 * items and, for held-out text, the same corpus, in the same way as `measured`. The warning names the others.
 */
export function resultsBeside(
  first: RunView,
  measured: readonly Measured[],
  runs: readonly RunView[],
): { results: ResultBeside[]; warning: string | undefined } {
  const ownOf = ({ task, metric }: Metric) =>
    measured.find((one) => one.task === task && one.metric === metric);
  const isAlike = (run: RunView, own: Measured, { task, setting, n }: Metric) =>
    run.snapshot.spec.base.sha256 === first.snapshot.spec.base.sha256 &&
    setting === own.setting &&
    n === own.n &&
    (!showsLearning(task) || sameCorpus(first, run));
  const leftOut: string[] = [];
  const results = runs.flatMap((run): ResultBeside[] => {
    const found = (run.snapshot.summary?.comparisons ?? []).filter(({ after }) => ownOf(after));
    const comparisons = found.filter(({ after }) => isAlike(run, ownOf(after)!, after));
    if (found.length > comparisons.length) leftOut.push(run.label);
    return comparisons.length ? [{ run, comparisons }] : [];
  });
  const warning = leftOut.length
    ? t('Not shown, because the base, the items or the way of measuring differ: {runs}.', {
        runs: leftOut.join(t('; ')),
      })
    : undefined;
  return { results, warning };
}

/** What there was before the first run, as it measured it, then the results. Empty if no run has such a metric. */
export function metricSets(
  shown: readonly RunView[],
  match: (metric: Metric) => boolean,
): { sets: MetricSet[]; warning?: string | undefined } {
  const ownOf = ({ snapshot: { summary } }: RunView) =>
    (summary?.comparisons ?? []).filter(({ after }) => match(after));
  const at = shown.findIndex((run) => ownOf(run).length > 0);
  const first = shown[at];
  if (!first) return { sets: [] };
  const own = ownOf(first);
  const { results, warning } = resultsBeside(
    first,
    own.map(({ after }) => after),
    shown.slice(at),
  );
  const sets: MetricSet[] = [
    {
      label: beforeLabel(first.snapshot, own[0]!.task),
      styleIndex: undefined,
      metrics: own.map(({ before }) => before),
    },
    ...results.map(({ run: { label, styleIndex }, comparisons }) => ({
      label: results.length > 1 ? label : t('result'),
      styleIndex,
      metrics: comparisons.map(({ after }) => after),
    })),
  ];
  return { sets, warning };
}

/** How the metrics were measured; lists all settings if they differ. */
export const settingsOf = (sets: readonly MetricSet[]): string =>
  [
    ...new Set(
      sets.flatMap(({ metrics }) => metrics.map((metric) => settingWithin(textOf(metric, 'setting')))),
    ),
  ].join(t('; or '));
