/** Training loss and held-out loss over the steps of the shown runs. */
import { joined, t } from '../../src/text/l10n.ts';
import { color } from 'chart.js/helpers';
import type { Metric, Summary } from '../../src/protocol/evaluation.ts';
import type { Theme } from '../theme.ts';
import { formatInterval, formatNumber, stepName } from '../view-model/format.ts';
import { isHeldOutLoss } from '../view-model/labels.ts';
import type { RunView } from '../view-model/panel.ts';
import {
  isDuringTraining,
  longest,
  lossOf,
  sample,
  smooth,
  type IntervalPoint,
  type MetricSeries,
  type Point,
} from '../view-model/series.ts';
import { settingAlone } from '../view-model/setting.ts';
import { styleOf } from './run-styles.ts';
import { chartOptions, stepAxis } from './options.ts';
import { stepTable } from './over-steps.ts';
import type { ChartView, DataRow, Dataset, Mark } from './view.ts';
import { textOf } from '../../src/text/message.ts';

interface RunLoss {
  label: string;
  styleIndex: number;
  loss: Point[];
  smoothed: Point[];
  heldOut: MetricSeries | undefined;
  /** Held-out loss measured in other ways, such as on more windows at checkpoints or at the end. */
  others: MetricSeries[];
  /** The step of the result, once that was measured; not if its strength was set by hand, which events don't tell of. */
  result: number | undefined;
}
interface LossModel {
  runs: [RunLoss, ...RunLoss[]];
  steps: number;
  marks: Mark[];
  warning: string | undefined;
}

/** With fewer steps than this, the loss is not smoothed. */
const SMOOTH_FROM = 20;
const trainingOf = (label: string) => t('{run}: training', { run: label });
/** The common ending of the names of training losses. */
const trainingEnd = () => trainingOf('');
/** With more steps than this, the raw loss is a dense band and is drawn fainter. */
const DENSE_STEPS = 1000;
/** With more points than this, a line has no dots. */
const MAX_DOTS = 60;

function measurementName(measurement: MetricSeries, { result }: RunLoss): string {
  if (isDuringTraining(measurement)) return t('held-out loss, during training');
  const isFinal = result !== undefined && measurement.points.every(({ x }) => x === 0 || x === result);
  return isFinal ? t('held-out loss, final evaluation') : t('held-out loss, measured at checkpoints');
}
const capitalised = (name: string) => name.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase());
const intervalOf = (point: IntervalPoint) => formatInterval({ value: point.y, ...point }, false);
const measurementsOf = ({ heldOut, others }: RunLoss) => [...(heldOut ? [heldOut] : []), ...others];

const read = ({ series, label, styleIndex, snapshot }: RunView): RunLoss => {
  const { summary } = snapshot;
  const loss = lossOf(series);
  const metrics = loss.length > 0 ? withFinal(series.metrics, summary) : series.metrics;
  const heldOut = longest(metrics, isHeldOutLoss);
  const memory = Math.max(5, Math.round(loss.length / 20));
  return {
    label,
    styleIndex,
    loss,
    smoothed: loss.length >= SMOOTH_FROM ? smooth(loss, memory) : [],
    heldOut,
    others: metrics.filter((metric) => metric !== heldOut && isHeldOutLoss(metric.task, metric.metric)),
    result: summary?.givenStrength === undefined ? summary?.step : undefined,
  };
};

/**
 * With the held-out loss as the summary has it: what is measured after the run has ended is in no event. At a strength
 * set by hand, it is no point of the training.
 */
function withFinal(metrics: readonly MetricSeries[], summary: Summary | undefined): readonly MetricSeries[] {
  const final = summary?.comparisons.find(({ task, metric }) => isHeldOutLoss(task, metric));
  if (!summary || !final || summary.givenStrength !== undefined) return metrics;
  const { step } = summary;
  const { task, metric, before, after, better } = final;
  const pointOf = (x: number, { value: y, low, high, n }: Metric): IntervalPoint => ({ x, y, low, high, n });
  const [start, end] = [pointOf(0, before), { ...pointOf(step, after), change: final.difference }];
  const isHere = (series: MetricSeries) =>
    isHeldOutLoss(series.task, series.metric) && !isDuringTraining(series);
  const others = metrics.filter(
    (series) => !(isHere(series) && series.points.every(({ x }) => x === 0 || x === step)),
  );
  const along = others.find(
    (series) =>
      isHere(series) && series.setting === after.setting && series.points.some(({ x }) => x === step),
  );
  if (along)
    return others.map((series) =>
      series === along
        ? { ...series, points: series.points.map((point) => (point.x === step ? end : point)) }
        : series,
    );
  const { setting, texts } = after;
  return [...others, { task, metric, setting, texts, better, points: [start, end] }];
}

const dots = (points: readonly unknown[]) => (points.length > MAX_DOTS ? 0 : 4);

/** For a single run, each kind of loss has its colour. */
function singleRunSets(run: RunLoss, { first, second, third, highContrast }: Theme): Dataset[] {
  const { loss, smoothed } = run;
  const drawn = smoothed.length > 0;
  return [
    {
      label: drawn ? t('training loss, each step') : t('training loss'),
      data: loss,
      borderColor:
        drawn && !highContrast
          ? color(first)
              .alpha(loss.length > DENSE_STEPS ? 0.2 : 0.35)
              .rgbString()
          : first,
      backgroundColor: first,
      borderWidth: drawn ? 1 : 2,
      pointRadius: loss.length === 1 ? 3 : 0,
      pointHoverRadius: 3,
      order: 3,
    },
    {
      label: t('training loss, smoothed'),
      data: smoothed,
      borderColor: first,
      backgroundColor: first,
      borderWidth: 2,
      pointRadius: 0,
      pointHoverRadius: 3,
      order: 2,
    },
    ...measurementsOf(run).map((measurement, index): Dataset => {
      const shade = index === 0 ? second : third;
      return {
        label: measurementName(measurement, run),
        data: measurement.points,
        borderColor: shade,
        backgroundColor: shade,
        borderWidth: 2,
        borderDash: index === 0 ? [6, 4] : [2, 3],
        pointRadius: dots(measurement.points),
        pointHoverRadius: 6,
        pointStyle: index === 0 ? 'circle' : 'rectRot',
        order: 1,
      };
    }),
  ];
}

/** For several runs, each run has its colour: thin for training loss, thick for held-out loss. */
function severalRunsSets(run: RunLoss, theme: Theme): Dataset[] {
  const { color: shade, shape } = styleOf(run.styleIndex, theme);
  const trained = run.smoothed.length ? run.smoothed : run.loss;
  return [
    {
      label: trainingOf(run.label),
      data: trained,
      borderColor: color(shade)
        .alpha(theme.highContrast ? 1 : 0.6)
        .rgbString(),
      backgroundColor: shade,
      borderWidth: 1,
      pointRadius: 0,
      pointHoverRadius: 3,
      order: 2,
    },
    {
      label: t('{run}: held out', { run: run.label }),
      data: run.heldOut?.points ?? [],
      borderColor: shade,
      backgroundColor: shade,
      borderWidth: 2,
      borderDash: [6, 4],
      pointRadius: dots(run.heldOut?.points ?? []),
      pointHoverRadius: 6,
      pointStyle: shape,
      order: 1,
    },
  ];
}

export const lossChart: ChartView<LossModel> = {
  id: 'loss',
  title: () => t('Did training settle?'),
  type: 'line',
  open: true,
  zoomable: true,
  read({ run, shown, differentCorpora }) {
    const runs = shown.map(read).filter(({ loss, heldOut }) => loss.length > 0 || heldOut);
    const [first, ...rest] = runs;
    if (!run || !first || first.styleIndex !== 0) return undefined;
    return {
      runs: [first, ...rest],
      steps: Math.max(...shown.map(({ snapshot }) => snapshot.state.steps)),
      marks: marksOf(run),
      warning: differentCorpora,
    };
  },
  datasets: ({ runs }, theme) =>
    (runs.length === 1
      ? singleRunSets(runs[0], theme)
      : runs.flatMap((run) => severalRunsSets(run, theme))
    ).filter(({ data }) => data.length > 0),
  options: ({ steps, runs }, theme) =>
    chartOptions(
      {
        x: stepAxis(steps),
        y: { title: t('nats per token') },
        legend: 'lines',
        // Training loss has the same colour as held-out loss, so it needs no legend entry of its own.
        unnamed: runs.length > 1 ? trainingEnd() : undefined,
        heading: ({ x }) => (x === 0 ? t('before training') : stepName(x)),
        describe: ({ y, low, high }, name) =>
          `${name}: ${low === undefined || high === undefined ? formatNumber(y) : formatInterval({ value: y, low, high }, false)}`,
      },
      theme,
    ),
  marks: ({ marks }) => marks,
  words: ({ runs, marks }) =>
    [
      ...runs.map((run) => (runs.length > 1 ? `${run.label}: ${wordsOf(run)}` : wordsOf(run))),
      ...marks.map(({ x, text }) => t('At step {step}: {what}.', { step: x, what: text })),
      t('In nats per token.'),
    ].join(' '),
  table: ({ runs }) =>
    stepTable(
      t('Loss by step, in nats per token'),
      runs.flatMap((run) => {
        const name = (kind: string) => capitalised(runs.length > 1 ? `${run.label}: ${kind}` : kind);
        return [
          { name: name(t('training loss')), texts: run.loss.map(({ x, y }) => [x, formatNumber(y)]) },
          ...measurementsOf(run).map((measurement) => ({
            name: name(measurementName(measurement, run)),
            texts: measurement.points.map((point): [number, string] => [point.x, intervalOf(point)]),
          })),
        ];
      }),
    ),
  atName: 'step',
  rows: ({ runs }) => runs.flatMap(rowsOf),
  warning: ({ warning }) => warning,
  note({ runs }) {
    const { heldOut } = runs[0];
    return (
      heldOut &&
      joined([
        t('Loss: how much the true next piece of code surprises the model; lower is better.'),
        t('It has settled where the held-out loss no longer falls.'),
        runs.length > 1 ? t('Thin: training loss. Dashed: held-out loss.') : '',
        t('Held-out: files that were kept out of training; {setting}.', {
          setting: settingAlone(textOf(heldOut, 'setting')),
        }),
        heldOut.points.length > MAX_DOTS ? t('Band: 95% intervals.') : t('Bars: 95% intervals.'),
      ])
    );
  },
};

function marksOf({ series }: RunView): Mark[] {
  return [
    ...(series.best ? [{ x: series.best.step, text: t('kept checkpoint') }] : []),
    ...(series.earlyStop ? [{ x: series.earlyStop.step, text: t('ended early') }] : []),
    ...series.rollbacks
      .slice(-1)
      .map(({ step, to }) => ({ x: to, text: t('went back from step {step}', { step }) })),
  ];
}

function wordsOf(run: RunLoss): string {
  const from = run.loss[0];
  const to = run.loss.at(-1);
  const trained =
    from && to
      ? t('Training loss went from {from} at step {fromStep} to {to} at step {toStep}.', {
          from: formatNumber(from.y),
          fromStep: from.x,
          to: formatNumber(to.y),
          toStep: to.x,
        })
      : '';
  const ways = measurementsOf(run).map((measurement) => {
    const points = measurement.points.map((point) =>
      t('{value} at step {step}', {
        value: intervalOf(point),
        step: point.x,
      }),
    );
    return t('{clause}.', {
      clause: `${capitalised(measurementName(measurement, run))}: ${sample(points, 6).join(', ')}`,
    });
  });
  return joined([trained, ...ways]);
}

function rowsOf(run: RunLoss): DataRow[] {
  const unit = t('nats/token');
  return [
    ...run.loss.map(({ x, y }) => ({ run: run.label, metric: t('training loss'), at: x, value: y, unit })),
    ...measurementsOf(run).flatMap((measurement) =>
      measurement.points.map(({ x, y, low, high, n }) => ({
        run: run.label,
        metric: measurementName(measurement, run),
        at: x,
        value: y,
        low,
        high,
        n,
        unit,
        setting: measurement.setting,
      })),
    ),
  ];
}
