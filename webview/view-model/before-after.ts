/** A metric of the base, the selected run's checkpoints and the compared runs, for the bar charts. */
import type { Comparison } from '../../src/protocol/evaluation.ts';
import { strengthInFile } from '../../src/findings/strength-rule.ts';
import { joined, t, tKnown } from '../../src/text/l10n.ts';
import { stepName } from './format.ts';
import { beforeLabel, metricLabel } from './labels.ts';
import { resultsBeside } from './metric-sets.ts';
import type { RunView } from './panel.ts';
import { longest, sample, type IntervalPoint } from './series.ts';
import { type Text, textOf } from '../../src/text/message.ts';

export interface Bar extends IntervalPoint {
  name: string;
  /** The run's colour; undefined for the base. */
  styleIndex: number | undefined;
}
export interface BeforeAfter {
  label: string;
  task: string;
  metric: string;
  unit: string;
  setting: string;
  how: Text;
  bars: Bar[];
  /** The result against the base, if one result is shown, and a strength of it is good enough to be used. */
  comparison?: Comparison | undefined;
  /** The KL up to which the run counts as close to its base, nats per token. */
  limit: number;
  /** Names compared runs that are not shown. */
  warning?: string | undefined;
}
type Match = (task: string, metric: string) => boolean;

/** More bars than this would be too thin to read; base, result and some checkpoints in between are shown. */
const MAX_BARS = 8;

/** The selected run's bars, then the results of the compared runs. Undefined if the selected run has none. */
export function beforeAfter(shown: readonly RunView[], match: Match): BeforeAfter | undefined {
  const [first, ...others] = shown;
  const view = first && ofRun(first, match);
  if (!view) return undefined;
  const { results, warning } = resultsBeside(first, [{ ...view, n: view.bars[0]!.n }], others);
  if (!results.length && isUnused(first))
    return { ...view, comparison: undefined, warning: joined([warning ?? '', unused()]) };
  if (!results.length) return { ...view, warning };
  const comparedBars = results.map(({ run, comparisons }): Bar => {
    const { value: y, low, high, n } = comparisons[0]!.after;
    return { x: run.snapshot.summary!.step, y, low, high, n, name: run.label, styleIndex: run.styleIndex };
  });
  const { label, snapshot, styleIndex } = first;
  // When runs are compared, only the selected run's result is shown, not its checkpoints.
  const last = view.bars.at(-1)!;
  const own = view.bars.length > 1 && snapshot.summary ? [{ ...last, name: label, styleIndex }] : [];
  return {
    ...view,
    warning,
    comparison: undefined,
    bars: [...view.bars.filter(({ x }) => x === 0), ...own, ...comparedBars],
  };
}

/** If no strength was good enough, the result was measured at one that nobody uses. */
export const isUnused = ({ snapshot: { summary } }: RunView): boolean =>
  summary?.choice?.strength === 0 && summary.givenStrength === undefined;
export const unused = () => t('This is at full strength, which is not used.');

/** From the run's summary if it has one, else from the evaluations so far. */
function ofRun({ snapshot, series: { metrics } }: RunView, match: Match): BeforeAfter | undefined {
  const { summary, spec } = snapshot;
  const comparison = summary?.comparisons.find(({ task, metric }) => match(task, metric));
  const series = longest(
    metrics.filter(({ ofResult }) => !ofResult),
    match,
  );
  const { task, metric } = comparison ?? series ?? {};
  if (!task || !metric) return undefined;
  const measured = comparison?.after ?? series!;
  const { setting } = measured;
  // Checkpoints measured in a different way, or at another strength, are not shown with the result.
  const isLikeResult = !comparison || strengthInFile(spec.evaluation.strength, summary!) === 1;
  const checkpoints = series && series.setting === setting && isLikeResult ? series.points : [];
  const points = new Map<number, IntervalPoint>(checkpoints.map((point) => [point.x, point]));
  if (comparison)
    for (const [step, metric] of [
      [0, comparison.before],
      [summary!.step, comparison.after],
    ] as const)
      points.set(step, { x: step, y: metric.value, low: metric.low, high: metric.high, n: metric.n });
  return {
    label: metricLabel(task, metric),
    task,
    metric,
    unit: tKnown(comparison?.unit ?? ''),
    setting,
    how: textOf(measured, 'setting'),
    comparison,
    limit: spec.evaluation.strengthLimit,
    bars: sample(
      [...points.values()].sort((a, b) => a.x - b.x),
      MAX_BARS,
    ).map((point) => ({
      ...point,
      name: point.x === 0 ? beforeLabel(snapshot, task) : nameOf(point.x, comparison && summary!.step),
      styleIndex: point.x === 0 ? undefined : 0,
    })),
  };
}

const nameOf = (step: number, result: number | undefined): string =>
  step === result ? t('after') : stepName(step);
