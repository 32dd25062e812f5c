/** The runs that can be shown beside each other, and how they differ. */
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import type { RunComparison } from '../../src/protocol/run-comparison.ts';
import { verdict } from './comparisons.ts';
import { formatDifference, formatInterval, formatNumber, isShare } from './format.ts';
import { figureLabel, isHeldOutLoss, isKl, methodName } from './labels.ts';
import type { PanelView } from './panel.ts';

export interface ComparedRun {
  id: string;
  snapshot: RunSnapshot;
  name: string;
  label: string;
  /** "learned 0.195, KL 0.064": of a run that was evaluated. */
  result: string;
  selected: boolean;
  shown: boolean;
}

/** Newest first, the selected one among them. */
export function comparedRuns({ runs, labels, run, shown }: PanelView): ComparedRun[] {
  return runs.map((snapshot) => {
    const { id, name } = snapshot.spec;
    return {
      ...{ id, snapshot, name, label: labels.get(id)!, result: resultOf(snapshot) },
      selected: id === run?.id,
      shown: shown.some((one) => one.id === id),
    };
  });
}

function resultOf({ summary, state }: RunSnapshot): string {
  const learned = summary?.comparisons.find(({ task, metric }) => isHeldOutLoss(task, metric));
  const forgot = summary?.comparisons.find(({ metric }) => isKl(metric));
  const parts = [
    learned && `held-out loss ${formatNumber(learned.after.value)}`,
    forgot && `KL ${formatNumber(forgot.after.value)}`,
  ].filter(Boolean);
  return parts.join(', ') || (state.status === 'done' ? 'not evaluated' : state.status);
}

/** Every word of the filter is somewhere in what is known of the run. */
export function matches({ snapshot: { spec }, label }: ComparedRun, filter: string): boolean {
  const text = [
    ...[label, spec.id, spec.base.id, methodName(spec), spec.folder, spec.corpus.data],
    ...[spec.hyper.optimizer, spec.hyper.schedule, spec.corpus.mode],
  ]
    .join(' ')
    .toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Run, figure, the first run's, this one's, difference, verdict, n. */
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
        figureLabel(task, metric),
        formatInterval(before, share),
        formatInterval(after, share),
        formatDifference(difference, share),
        verdict(comparison),
        after.n.toLocaleString('en'),
      ];
    }),
  );
}
