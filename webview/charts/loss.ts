/** Training loss and held-out loss over the run. */
import { color } from 'chart.js/helpers';
import { formatInterval, formatNumber } from '../view-model/format.ts';
import { isHeldOutLoss } from '../view-model/labels.ts';
import type { RunView } from '../view-model/panel.ts';
import { longest, sample, smooth, type MetricSeries } from '../view-model/series.ts';
import { chartOptions, stepAxis } from './options.ts';
import type { ChartView, Dataset } from './view.ts';

interface LossModel {
  loss: RunView['series']['loss'];
  smoothed: RunView['series']['loss'];
  heldOut: MetricSeries | undefined;
  /** The same measured in other ways, such as over more windows at the end. */
  others: MetricSeries[];
  steps: number;
}

/** Below this many steps the raw loss is all there is to see. */
const SMOOTH_FROM = 20;
const TABLE_ROWS = 50;

const wayName = ({ setting }: MetricSeries) =>
  setting.startsWith('during training')
    ? 'held-out loss, during training'
    : 'held-out loss, final evaluation';

export const lossChart: ChartView<LossModel> = {
  id: 'loss',
  title: 'Loss',
  type: 'line',
  wide: true,
  zoomable: true,
  read({ run }) {
    if (!run) return undefined;
    const { loss, metrics } = run.series;
    const heldOut = longest(metrics, isHeldOutLoss);
    if (!loss.length && !heldOut) return undefined;
    const others = metrics.filter((one) => one !== heldOut && isHeldOutLoss(one.task, one.metric));
    const memory = Math.max(5, Math.round(loss.length / 20));
    return {
      loss,
      smoothed: loss.length >= SMOOTH_FROM ? smooth(loss, memory) : [],
      heldOut,
      others,
      steps: run.snapshot.state.steps,
    };
  },
  datasets({ loss, smoothed, heldOut, others }, { first, second, third, highContrast }) {
    const line = { pointRadius: 0, pointHoverRadius: 3 };
    const drawn = smoothed.length > 0;
    const sets: Dataset[] = [
      {
        ...line,
        label: drawn ? 'training loss, each step' : 'training loss',
        data: loss,
        borderColor: drawn && !highContrast ? color(first).alpha(0.35).rgbString() : first,
        backgroundColor: first,
        borderWidth: drawn ? 1 : 2,
        pointRadius: loss.length === 1 ? 3 : 0,
        order: 3,
      },
      {
        ...line,
        label: 'training loss, smoothed',
        data: smoothed,
        borderColor: first,
        backgroundColor: first,
        borderWidth: 2,
        order: 2,
      },
    ];
    for (const [index, way] of [...(heldOut ? [heldOut] : []), ...others].entries()) {
      const shade = index === 0 ? second : third;
      sets.push({
        label: wayName(way),
        data: way.points,
        borderColor: shade,
        backgroundColor: shade,
        borderWidth: 2,
        borderDash: index === 0 ? [6, 4] : [2, 3],
        pointRadius: 4,
        pointHoverRadius: 6,
        pointStyle: index === 0 ? 'circle' : 'rectRot',
        order: 1,
      });
    }
    return sets.filter(({ data }) => data.length > 0);
  },
  options: ({ steps }, theme) =>
    chartOptions(
      {
        x: stepAxis(steps),
        y: { title: 'nats per token' },
        legend: 'lines',
        heading: ({ x }) => (x === 0 ? 'base (step 0)' : `step ${x.toLocaleString('en')}`),
        describe: ({ y, low, high }, name) =>
          `${name}: ${low === undefined || high === undefined ? formatNumber(y) : formatInterval({ value: y, low, high }, false)}`,
      },
      theme,
    ),
  words({ loss, heldOut, others }) {
    const parts: string[] = [];
    const from = loss[0];
    const to = loss.at(-1);
    if (from && to)
      parts.push(
        `Training loss went from ${formatNumber(from.y)} at step ${from.x} to ${formatNumber(to.y)} at step ${to.x}.`,
      );
    for (const way of [...(heldOut ? [heldOut] : []), ...others]) {
      const points = way.points.map(
        (point) => `${formatInterval({ value: point.y, ...point }, false)} at step ${point.x}`,
      );
      parts.push(`${wayName(way).replace(/^h/, 'H')}: ${sample(points, 6).join(', ')}.`);
    }
    return `${parts.join(' ')} In nats per token.`;
  },
  table({ loss, heldOut, others }) {
    const ways = [...(heldOut ? [heldOut] : []), ...others];
    const steps = new Set([
      ...sample(loss, TABLE_ROWS).map(({ x }) => x),
      ...ways.flatMap(({ points }) => points.map(({ x }) => x)),
    ]);
    const trained = new Map(loss.map(({ x, y }) => [x, y]));
    return {
      caption: 'Loss by step, in nats per token',
      head: ['Step', 'Training loss', ...ways.map(wayName)],
      rows: [...steps]
        .sort((a, b) => a - b)
        .map((step) => [
          step.toLocaleString('en'),
          trained.has(step) ? formatNumber(trained.get(step)!) : '',
          ...ways.map(({ points }) => {
            const point = points.find(({ x }) => x === step);
            return point ? formatInterval({ value: point.y, ...point }, false) : '';
          }),
        ]),
    };
  },
  note: ({ heldOut }) =>
    heldOut &&
    `Held-out: files that were kept out of training; ${heldOut.setting.replace(/^during training: /, '')}. Bars: 95% intervals.`,
};
