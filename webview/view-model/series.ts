/** Turns the events of a run into the series that the charts draw. */
import type { Comparison } from '../../src/protocol/evaluation.ts';
import { describeRollback, survivingEvents, type RunEvent } from '../../src/protocol/events.ts';
import { textOf, type Texts } from '../../src/text/message.ts';
import { translate } from '../../src/text/l10n.ts';

export interface Point {
  x: number;
  y: number;
}
/** A point with its 95% interval. */
export interface IntervalPoint extends Point {
  low: number;
  high: number;
  n: number;
  /** Its paired difference from the base, if that was measured. */
  change?: { value: number; low: number; high: number } | undefined;
}
/**
 * One metric, measured in the same way at several steps. Values with different settings are never joined by a line.
 */
export interface MetricSeries {
  task: string;
  metric: string;
  setting: string;
  texts?: Texts;
  /** Which direction is good, if the run's version wrote it. */
  better?: Comparison['better'] | undefined;
  /** Of the result, at another strength than checkpoints have. */
  ofResult?: true;
  points: IntervalPoint[];
}
type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;
export type Step = EventOf<'step'>;

/** The x of all series is the step; the times of the events are in `RunView.snapshot.events`. */
export interface RunSeries {
  steps: Step[];
  metrics: MetricSeries[];
  warnings: string[];
  memory?: EventOf<'memory'>;
  /** The checkpoint that became the result, if it is not the last one. */
  best?: EventOf<'best'>;
  earlyStop?: EventOf<'earlyStop'>;
  rollbacks: EventOf<'rollback'>[];
  start?: EventOf<'start'>;
  done?: EventOf<'done'>;
}

const seriesCache = new WeakMap<readonly RunEvent[], RunSeries>();

/** Like `readSeries`, but cached by the list of events, so that an unchanged run is not read again. */
export function seriesOf(events: readonly RunEvent[]): RunSeries {
  let series = seriesCache.get(events);
  if (!series) seriesCache.set(events, (series = readSeries(events)));
  return series;
}

/** Each step appears once and in order, even if a run was killed and resumed from an older checkpoint. */
export function readSeries(events: readonly RunEvent[]): RunSeries {
  const series: RunSeries = { steps: [], metrics: [], warnings: [], rollbacks: [] };
  for (const event of survivingEvents(events)) {
    if (event.type === 'step') series.steps.push(event);
    else if (event.type === 'evaluation') addMetric(series.metrics, event);
    else if (event.type === 'start') series.start = event;
    else if (event.type === 'done') series.done = event;
    else if (event.type === 'memory') series.memory = event;
    else if (event.type === 'best') series.best = event;
    else if (event.type === 'earlyStop') series.earlyStop = event;
    else if (event.type === 'rollback') {
      series.rollbacks.push(event);
      series.warnings.push(translate(describeRollback(event)));
    } else if (event.type === 'warning') {
      const text = translate(textOf(event, 'message'));
      if (!series.warnings.includes(text)) series.warnings.push(text);
    }
  }
  return series;
}

export const isDuringTraining = ({ setting }: Pick<MetricSeries, 'setting'>) =>
  setting.startsWith('during training');

/**
 * Moves the points of the result, which are at `step`, into series of their own: for a result at another strength than
 * that of checkpoints, which is 1.
 */
export function withResultApart(series: RunSeries, step: number): RunSeries {
  const metrics = series.metrics.flatMap((all): MetricSeries[] => {
    const isResult = ({ x }: Point) => x === step;
    if (isDuringTraining(all) || !all.points.some(isResult)) return [all];
    const checkpoints = all.points.filter((point) => !isResult(point));
    const points = all.points.filter((point) => point.x === 0 || isResult(point));
    const result: MetricSeries = { ...all, ofResult: true, points };
    return checkpoints.some(({ x }) => x > 0) ? [{ ...all, points: checkpoints }, result] : [result];
  });
  return { ...series, metrics };
}

/** A value of each step. */
export const overSteps = ({ steps }: Pick<RunSeries, 'steps'>, value: (step: Step) => number): Point[] =>
  steps.map((step) => ({ x: step.step, y: value(step) }));

export const lossOf = (series: RunSeries): Point[] => overSteps(series, ({ loss }) => loss);

function addMetric(all: MetricSeries[], { step, result, change, better }: EventOf<'evaluation'>): void {
  let series = all.find(
    ({ task, metric, setting }) =>
      task === result.task && metric === result.metric && setting === result.setting,
  );
  if (!series) {
    const { task, metric, setting, texts } = result;
    series = { task, metric, setting, texts, points: [] };
    all.push(series);
  }
  series.better ??= better;
  const point = { x: step, y: result.value, low: result.low, high: result.high, n: result.n, change };
  // Usually a new step, which needs no search.
  const newest = (series.points.at(-1)?.x ?? -1) < step;
  const at = newest ? -1 : series.points.findIndex(({ x }) => x >= step);
  if (at < 0) series.points.push(point);
  else series.points.splice(at, series.points[at]!.x === step ? 1 : 0, point);
}

/** The series with the most points, from which a curve is drawn. */
export function longest(
  all: readonly MetricSeries[],
  match: (task: string, metric: string) => boolean,
): MetricSeries | undefined {
  return all
    .filter(({ task, metric }) => match(task, metric))
    .reduce<MetricSeries | undefined>(
      (best, candidate) => (candidate.points.length > (best?.points.length ?? 0) ? candidate : best),
      undefined,
    );
}

/**
 * Exponential mean with bias correction (as in Adam), so that the first values are not pulled to zero. `memory` is the
 * number of steps that count; values that are not finite are skipped.
 */
export function smooth(points: readonly Point[], memory: number): Point[] {
  const keep = 1 - 1 / Math.max(1, memory);
  let mean = 0;
  let weight = 0;
  const out: Point[] = [];
  for (const { x, y } of points) {
    if (Number.isFinite(y)) {
      mean = keep * mean + (1 - keep) * y;
      weight = keep * weight + (1 - keep);
    }
    if (weight > 0) out.push({ x, y: mean / weight });
  }
  return out;
}

/** At most `max` items, evenly spread, including the first and the last. */
export function sample<T>(items: readonly T[], max: number): T[] {
  if (items.length <= max) return [...items];
  if (max < 2) return items.slice(0, max);
  return Array.from(
    { length: max },
    (_, index) => items[Math.round((index * (items.length - 1)) / (max - 1))]!,
  );
}
