import { formatRate } from '../view-model/format.ts';
import { sample, type Point } from '../view-model/series.ts';
import { chartOptions, stepAxis } from './options.ts';
import type { ChartView } from './view.ts';

interface RateModel {
  points: Point[];
  steps: number;
}
const TABLE_ROWS = 50;

export const learningRateChart: ChartView<RateModel> = {
  id: 'learning-rate',
  title: 'Learning rate',
  type: 'line',
  zoomable: true,
  read({ run }) {
    const points = run?.series.learningRate ?? [];
    return points.length ? { points, steps: run!.snapshot.state.steps } : undefined;
  },
  datasets: ({ points }, { first }) => [
    {
      label: 'learning rate',
      data: points,
      borderColor: first,
      backgroundColor: first,
      borderWidth: 2,
      pointRadius: points.length === 1 ? 3 : 0,
      pointHoverRadius: 3,
    },
  ],
  options: ({ steps }, theme) =>
    chartOptions(
      {
        x: stepAxis(steps),
        y: { title: '', format: formatRate, fromZero: true },
        heading: ({ x }) => `step ${x.toLocaleString('en')}`,
        describe: ({ y }) => formatRate(y),
      },
      theme,
    ),
  words({ points }) {
    const peak = points.reduce((best, point) => (point.y > best.y ? point : best));
    return `It peaks at ${formatRate(peak.y)} at step ${peak.x} and is ${formatRate(points.at(-1)!.y)} at step ${points.at(-1)!.x}.`;
  },
  table: ({ points }) => ({
    caption: 'Learning rate by step',
    head: ['Step', 'Learning rate'],
    rows: sample(points, TABLE_ROWS).map(({ x, y }) => [x.toLocaleString('en'), formatRate(y)]),
  }),
};
