/** The runs that can be compared, and how they differ. */
import { t, whole } from '../../src/text/l10n.ts';
import { describeFolders } from '../../src/protocol/folders.ts';
import { measuredHere } from '../../src/protocol/evaluation.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import type { RunComparison } from '../../src/protocol/run-comparison.ts';
import { statusIn } from './status.ts';
import { verdict, verdictIn } from './comparisons.ts';
import { formatDifference, formatInterval, formatNumber, formatRate, formatTime, isShare } from './format.ts';
import { completedLines } from '../../src/findings/counts.ts';
import { metricLabel, isHeldOutLoss, isKl, methodName } from './labels.ts';
import type { PanelView } from './panel.ts';

export interface ComparedRun {
  id: string;
  snapshot: RunSnapshot;
  name: string;
  label: string;
  selected: boolean;
  shown: boolean;
}

/** All runs, newest first, including the selected one. */
export function comparedRuns({ runs, labels, run, shown }: PanelView): ComparedRun[] {
  return runs.map((snapshot) => {
    const { id, name } = snapshot.spec;
    return {
      id,
      snapshot,
      name,
      label: labels.get(id)!,
      selected: id === run?.id,
      shown: shown.some((runView) => runView.id === id),
    };
  });
}

interface Column {
  title(): string;
  cell(run: RunSnapshot): string;
  /** Shown even if it is the same for all runs. */
  always?: true;
}

/** Columns of the list of runs, after the name. */
export const columns: readonly Column[] = [
  { title: () => t('Method'), cell: ({ spec }) => methodName(spec) },
  { title: () => t('Rate'), cell: ({ spec }) => (spec.imported ? '-' : formatRate(spec.hyper.learningRate)) },
  { title: () => t('Steps'), cell: stepsOf },
  { title: () => t('Base'), cell: ({ spec }) => spec.base.id },
  { title: () => t('Started'), cell: ({ spec }) => formatTime(spec.createdAt), always: true },
  { title: () => t('Result'), cell: resultOf, always: true },
];

/** For each column, whether it is shown. */
export const differingColumns = (runs: readonly ComparedRun[]): boolean[] =>
  columns.map(({ cell, always }) => always ?? new Set(runs.map(({ snapshot }) => cell(snapshot))).size > 1);

function stepsOf({ spec, state }: RunSnapshot): string {
  if (spec.imported) return '-';
  return state.step < state.steps
    ? t('{done} of {total}', { done: whole(state.step), total: whole(state.steps) })
    : whole(state.steps);
}

function resultOf({ summary, state }: RunSnapshot): string {
  const comparisons = measuredHere(summary);
  const completed = completedLines(comparisons);
  if (completed) return completed;
  const learned = comparisons.find(({ task, metric }) => isHeldOutLoss(task, metric));
  const forgot = comparisons.find(({ metric }) => isKl(metric));
  const parts = [
    learned && t('held-out loss {loss}', { loss: formatNumber(learned.after.value) }),
    forgot && `KL ${formatNumber(forgot.after.value)}`,
  ].filter(Boolean);
  return parts.join(', ') || (state.status === 'done' ? t('not evaluated') : statusIn(state.status));
}

/** Whether every word of the filter is found in the data of the run. */
export function matches({ snapshot: { spec }, label }: ComparedRun, filter: string): boolean {
  const text = [
    label,
    spec.id,
    spec.base.id,
    methodName(spec),
    describeFolders(spec),
    spec.corpus.data,
    spec.hyper.optimizer,
    spec.hyper.schedule,
    spec.corpus.mode,
  ]
    .join(' ')
    .toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Rows of: run, metric, the first run's value, this run's value, difference, verdict, n. */
export function differenceRows(
  { against, runs }: RunComparison,
  labelOf: (id: string, name: string) => string,
): string[][] {
  return against.flatMap(({ run, comparisons }) =>
    comparisons.map((comparison) => {
      const { task, metric, unit, before, after, difference } = comparison;
      const share = isShare(metric, unit);
      return [
        labelOf(run, runs.find(({ id }) => id === run)?.name ?? run),
        metricLabel(task, metric),
        formatInterval(before, share),
        formatInterval(after, share),
        formatDifference(difference, share),
        verdictIn(verdict(comparison)),
        whole(after.n),
      ];
    }),
  );
}
