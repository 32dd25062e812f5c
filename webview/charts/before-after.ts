/** Bars with whiskers: a metric at the base and after. Forgetting, and HumanEval pass@k. */
import { color } from 'chart.js/helpers';
import { beforeAfter, type BeforeAfter } from '../view-model/before-after.ts';
import { formatInterval, formatTick, isShare } from '../view-model/format.ts';
import { isKl, isPassAtK } from '../view-model/labels.ts';
import { chartOptions } from './options.ts';
import type { ChartView } from './view.ts';

type Match = (task: string, metric: string) => boolean;
interface Texts {
  id: string;
  title: string;
  note: string;
}

function barChart({ id, title, note }: Texts, match: Match): ChartView<BeforeAfter> {
  const share = ({ metric, unit }: BeforeAfter) => isShare(metric, unit);
  return {
    id,
    title,
    type: 'bar',
    read: ({ run }) => run && beforeAfter(run.snapshot.summary, run.series.metrics, match),
    labels: ({ bars }) => bars.map(({ name }) => name),
    datasets: ({ label, bars }, { faint, first }) => [
      {
        label,
        data: bars.map(({ y, low, high }, x) => ({ x, y, low, high })),
        borderColor: first,
        backgroundColor: bars.map(({ x }) =>
          color(x === 0 ? faint : first)
            .alpha(0.55)
            .rgbString(),
        ),
        borderWidth: 1,
        maxBarThickness: 72,
      },
    ],
    options: (model, theme) =>
      chartOptions(
        {
          x: { title: '', category: true },
          y: {
            title: share(model) ? model.metric : `${model.label}${model.unit ? `, ${model.unit}` : ''}`,
            fromZero: true,
            format: (value, step) =>
              share(model) ? `${formatTick(value * 100, step * 100)}%` : formatTick(value, step),
          },
          describe: ({ y, low, high }) =>
            formatInterval({ value: y, low: low ?? y, high: high ?? y }, share(model)),
        },
        theme,
      ),
    words: (model) =>
      `${model.label}: ${model.bars.map((bar) => `${bar.name} ${formatInterval({ value: bar.y, ...bar }, share(model))}`).join(', ')}${share(model) || !model.unit ? '' : ` ${model.unit}`}.`,
    table: (model) => ({
      caption: model.label,
      head: ['', model.label, 'n'],
      rows: model.bars.map((bar) => [
        bar.name,
        formatInterval({ value: bar.y, ...bar }, share(model)),
        bar.n.toLocaleString('en'),
      ]),
    }),
    note: ({ setting }) =>
      `${note} Measured ${setting.replace(/^(quick|paper): /, '($1) on ')}. Bars: 95% intervals.`,
  };
}

export const forgettingChart = barChart(
  {
    id: 'forgetting',
    title: 'Forgetting',
    note: 'How far the result has moved from the base on text of the base itself; 0 is the base.',
  },
  (_, metric) => isKl(metric),
);
export const humanEvalChart = barChart(
  { id: 'humaneval', title: 'HumanEval', note: 'Programs that pass their tests.' },
  (task, metric) => task === 'humaneval' && isPassAtK(metric),
);
