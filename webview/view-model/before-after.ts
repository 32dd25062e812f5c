/** A metric at the base and at the steps where it was measured since, for the charts with whiskers. */
import type { Summary } from '../../src/protocol/evaluation.ts';
import { figureLabel } from './labels.ts';
import { longest, type IntervalPoint, type MetricSeries } from './series.ts';

export interface BeforeAfter {
  label: string;
  metric: string;
  unit: string;
  setting: string;
  bars: (IntervalPoint & { name: string })[];
}

const name = (step: number) => (step === 0 ? 'base' : `step ${step}`);

/** From the summary when the run has one, else from what the evaluator has said so far. */
export function beforeAfter(
  summary: Summary | undefined,
  metrics: readonly MetricSeries[],
  match: (task: string, metric: string) => boolean,
): BeforeAfter | undefined {
  const comparison = summary?.comparisons.find(({ task, metric }) => match(task, metric));
  const series = longest(metrics, match);
  const { task, metric } = comparison ?? series ?? {};
  if (!task || !metric) return undefined;
  const points = new Map<number, IntervalPoint>(series?.points.map((point) => [point.x, point]));
  if (comparison)
    for (const [step, figure] of [
      [0, comparison.before],
      [summary!.step, comparison.after],
    ] as const)
      points.set(step, { x: step, y: figure.value, low: figure.low, high: figure.high, n: figure.n });
  return {
    label: figureLabel(task, metric),
    metric,
    unit: comparison?.unit ?? '',
    setting: comparison?.after.setting ?? series!.setting,
    bars: [...points.values()].sort((a, b) => a.x - b.x).map((point) => ({ ...point, name: name(point.x) })),
  };
}
