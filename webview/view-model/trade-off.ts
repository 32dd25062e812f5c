/** Learning against forgetting: each run's checkpoints as a path that begins where training did. */
import { t } from '../../src/text/l10n.ts';
import type { Comparison, Summary } from '../../src/protocol/evaluation.ts';
import { beforeOf } from '../../src/findings/before.ts';
import { strengthInFile } from '../../src/findings/strength-rule.ts';
import type { RunView } from './panel.ts';
import { showsLearning } from '../../src/findings/task-facts.ts';
import { metricLabel, showsForgetting, isKl, unitOf } from './labels.ts';
import type { IntervalPoint, MetricSeries } from './series.ts';

type Interval = Comparison['difference'];

/** The metric of an axis, signed so that higher means more learned or forgotten. */
export type AxisMetric = Pick<Comparison, 'task' | 'metric' | 'better'>;
export const metricKey = ({ task, metric }: Pick<AxisMetric, 'task' | 'metric'>) => `${task} ${metric}`;

/** What was learned and forgotten, as a point. */
export interface LearnedForgot {
  /** What was learned; further right is more. */
  x: number;
  xLow: number;
  xHigh: number;
  /** What was forgotten; further up is more. */
  y: number;
  low: number;
  high: number;
}
export const learnedForgot = (learned: Interval, forgot: Interval): LearnedForgot => ({
  x: learned.value,
  xLow: learned.low,
  xHigh: learned.high,
  y: forgot.value,
  low: forgot.low,
  high: forgot.high,
});
const nothing: Interval = { value: 0, low: 0, high: 0 };
/** The base has learned and forgotten nothing. */
export const atBase = learnedForgot(nothing, nothing);

export interface PathPoint extends LearnedForgot {
  step: number;
  n: number;
  setting: string;
  /** Whether the intervals are those of the paired difference from the base, not of the checkpoint's own value. */
  paired: boolean;
}
export interface Path {
  run: string;
  label: string;
  styleIndex: number;
  /** From before the first step on, as far as that is known, all measured in the same way. */
  points: PathPoint[];
  /** The final evaluation of the result, if it was measured in a different way than the path, or at another strength. */
  final?: PathPoint;
  /** The strength of `final`; checkpoints have strength 1. */
  strength?: number;
  /** Step of the checkpoint that became the result, if it is not the last one. */
  best?: number;
}
export interface TradeOffView {
  paths: Path[];
  learning: AxisMetric;
  forgetting: AxisMetric;
  warning?: string;
}

/** Metrics that any of the runs has and whose better direction is known, most important first. */
function metricsOf(runs: readonly RunView[], match: (task: string, metric: string) => boolean): AxisMetric[] {
  const found = new Map<string, AxisMetric>();
  for (const { snapshot, series } of runs)
    for (const { task, metric, better } of [...(snapshot.summary?.comparisons ?? []), ...series.metrics])
      if (better && match(task, metric)) found.set(metricKey({ task, metric }), { task, metric, better });
  return [...found.values()].sort((a, b) => importance(a) - importance(b));
}
export const learningMetrics = (runs: readonly RunView[]) => metricsOf(runs, showsLearning);
export const forgettingMetrics = (runs: readonly RunView[]) => metricsOf(runs, showsForgetting);

const order = [
  'workspace loss',
  'workspace bits per byte',
  'retention KL from base',
  'retention source KL from base',
];
function importance(metric: AxisMetric): number {
  const at = order.indexOf(metricKey(metric));
  return at >= 0 ? at : isKl(metric.metric) ? 2 : metric.task === 'forgetting' ? 4 : 5;
}

/** Undefined if no shown run has both metrics. */
export function tradeOff(
  shown: readonly RunView[],
  learning: AxisMetric | undefined,
  forgetting: AxisMetric | undefined,
  warning?: string,
): TradeOffView | undefined {
  if (!learning || !forgetting) return undefined;
  const base = shown[0]?.snapshot.spec.base.sha256;
  const paths = shown
    .filter(({ snapshot }) => snapshot.spec.base.sha256 === base)
    .map((run) => pathOf(run, learning, forgetting))
    .filter(({ points, final }) => points.length > 0 || final);
  return paths.length ? { paths, learning, forgetting, warning } : undefined;
}

function pathOf(run: RunView, learning: AxisMetric, forgetting: AxisMetric): Path {
  const { snapshot, series, label, styleIndex } = run;
  const measured = checkpoints(series.metrics, learning, forgetting).flatMap((point) =>
    point.step === 0 ? startOf(snapshot, point, forgetting) : [point],
  );
  const final = snapshot.summary && finalPoint(snapshot.summary, learning, forgetting);
  const path: Path = { run: run.id, label, styleIndex, points: measured, best: series.best?.step };
  if (!final) return path;
  // Without checkpoints in between, the path is base and result, which were measured in the same way.
  if (!measured.some(({ step }) => step > 0 && step !== final.step))
    return { ...path, points: [...startOf(snapshot, origin(final), forgetting), final] };
  const strength = strengthInFile(snapshot.spec.evaluation.strength, snapshot.summary!);
  return strength === 1 && measured.at(-1)!.setting === final.setting
    ? { ...path, points: [...measured.filter(({ step }) => step !== final.step), final] }
    : { ...path, final, strength };
}

/** Learning is counted from the adapter that training began with, if any; but it has a KL from the base, too. */
function startOf(
  { spec, summary }: RunView['snapshot'],
  point: PathPoint,
  forgetting: AxisMetric,
): PathPoint[] {
  if (beforeOf(spec) === 'base') return [point];
  const kl = summary?.choice?.klAtZero;
  if (!kl || metricKey(forgetting) !== 'retention KL from base') return [];
  return [{ ...point, y: kl.value, low: kl.low, high: kl.high }];
}

const origin = ({ n, setting }: PathPoint): PathPoint => ({
  step: 0,
  n,
  setting,
  paired: true,
  ...atBase,
});

/**
 * What checkpoints learned and forgot, at the steps at which both were measured, the base first. Both may have been
 * measured in several ways; uses the pair with the most steps in common.
 */
export function checkpoints(
  metrics: readonly MetricSeries[],
  learning: AxisMetric,
  forgetting: AxisMetric,
): PathPoint[] {
  const of = (wanted: AxisMetric) =>
    metrics.filter(
      ({ task, metric, ofResult }) => !ofResult && task === wanted.task && metric === wanted.metric,
    );
  let best: PathPoint[] = [];
  for (const learned of of(learning))
    for (const forgot of of(forgetting)) {
      const points = joined(learned, forgot, { learning, forgetting });
      if (points.length > best.length) best = points;
    }
  return best;
}

function joined(
  learned: MetricSeries,
  forgot: MetricSeries,
  { learning, forgetting }: Record<'learning' | 'forgetting', AxisMetric>,
): PathPoint[] {
  const [learnedBase, forgotBase] = [baseOf(learned), baseOf(forgot)];
  if (!learnedBase || !forgotBase) return [];
  const others = new Map(forgot.points.map((point) => [point.x, point]));
  return learned.points.flatMap((point) => {
    const other = others.get(point.x);
    if (!other) return [];
    const x = against(learnedBase, point, learning.better === 'higher' ? 1 : -1);
    const y = against(forgotBase, other, forgetting.better === 'higher' ? -1 : 1);
    return [
      {
        ...learnedForgot(x, y),
        step: point.x,
        n: point.n,
        setting: settings(learned.setting, forgot.setting),
        paired: (point.change ?? other.change) !== undefined,
      },
    ];
  });
}

/** The KL from the base is 0 at the base, even if it was not measured there. */
const baseOf = ({ metric, points }: MetricSeries): IntervalPoint | undefined =>
  points[0]?.x === 0 ? points[0] : /\bKL\b/i.test(metric) ? { x: 0, y: 0, low: 0, high: 0, n: 0 } : undefined;

const settings = (learned: string, forgot: string) => `${learned}; ${forgot}`;

/** The difference of a metric from the base's, times `sign`. Never minus zero. */
function against(base: IntervalPoint, point: IntervalPoint, sign: 1 | -1) {
  if (point.x === 0) return nothing;
  if (point.change) return withSign(point.change, sign);
  return withSign({ value: point.y - base.y, low: point.low - base.y, high: point.high - base.y }, sign);
}

export function withSign({ value, low, high }: Interval, sign: 1 | -1): Interval {
  return sign > 0
    ? { value: 0 + value, low: 0 + low, high: 0 + high }
    : { value: 0 - value, low: 0 - high, high: 0 - low };
}

function finalPoint(summary: Summary, learning: AxisMetric, forgetting: AxisMetric): PathPoint | undefined {
  const find = (wanted: AxisMetric) =>
    summary.comparisons.find(({ task, metric }) => task === wanted.task && metric === wanted.metric);
  const [learned, forgot] = [find(learning), find(forgetting)];
  if (!learned || !forgot) return undefined;
  const x = withSign(learned.difference, learned.better === 'higher' ? 1 : -1);
  const y = withSign(forgot.difference, forgot.better === 'higher' ? -1 : 1);
  return {
    ...learnedForgot(x, y),
    step: summary.step,
    n: learned.after.n,
    setting: settings(learned.after.setting, forgot.after.setting),
    paired: true,
  };
}

/** "learned: fall of held-out loss, nats/token", "forgot: rise of HumanEval pass@1, points" */
export function axisTitle(axis: AxisMetric, side: 'learned' | 'forgot'): string {
  const { task, metric, better } = axis;
  const unit = unitOf(metric);
  // Within a sentence, English names begin with a lower-case letter.
  const label = metricLabel(task, metric).replace(/^(Held-|Loss on|Forgetting )/, (word) =>
    word.toLowerCase(),
  );
  const rises = (better === 'higher') === (side === 'learned');
  const change = isKl(metric)
    ? label
    : rises
      ? t('rise of {metric}', { metric: label })
      : t('fall of {metric}', { metric: label });
  const withUnit = unit ? t('{metric}, {unit}', { metric: change, unit }) : change;
  return side === 'learned'
    ? t('learned: {metric}', { metric: withUnit })
    : t('forgot: {metric}', { metric: withUnit });
}
