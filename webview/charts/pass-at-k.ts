/** HumanEval pass@k over k, of base and results. */
import { formatInterval, formatTick } from '../view-model/format.ts';
import { figureSets, settingsOf, type FigureSet } from '../view-model/figures.ts';
import { isPassAtK } from '../view-model/labels.ts';
import { lookOf } from './looks.ts';
import { chartOptions } from './options.ts';
import type { ChartView } from './view.ts';

interface PassAtK {
  ks: number[];
  sets: FigureSet[];
}
const kOf = (metric: string) => Number(metric.replace(/^pass@/i, ''));
/** Shift between lines, so that their whiskers at the same k do not overlap. */
const APART = 0.03;

export const passAtKChart: ChartView<PassAtK> = {
  id: 'pass-at-k',
  title: 'HumanEval pass@k',
  type: 'line',
  read({ shown }) {
    const sets = figureSets(shown, ({ task, metric }) => task === 'humaneval' && isPassAtK(metric));
    const ks = [...new Set(sets.flatMap(({ metrics }) => metrics.map(({ metric }) => kOf(metric))))];
    // A single k gives no curve; the bar chart shows it.
    return ks.length > 1 ? { ks: ks.sort((a, b) => a - b), sets } : undefined;
  },
  datasets: ({ sets }, theme) =>
    sets.map(({ label, look, metrics }, index) => {
      const { color, shape, dash } = look === undefined ? baseLook(theme.faint) : lookOf(look, theme);
      const shift = 1 + APART * (index - (sets.length - 1) / 2);
      return {
        label,
        data: metrics
          .map(({ metric, value, low, high }) => ({
            ...{ x: kOf(metric) * shift, y: value, low, high },
            label: metric,
          }))
          .sort((a, b) => a.x - b.x),
        borderColor: color,
        backgroundColor: color,
        borderWidth: 2,
        borderDash: dash,
        pointRadius: 4,
        pointHoverRadius: 6,
        pointStyle: shape,
      };
    }),
  options: ({ ks }, theme) =>
    chartOptions(
      {
        x: { title: 'k, programs tried per problem', logarithmic: true, ticks: ks, format: String },
        y: {
          title: 'problems solved',
          fromZero: true,
          format: (value, step) => `${formatTick(value * 100, step * 100)}%`,
        },
        legend: 'lines',
        heading: ({ label }) => label ?? '',
        describe: ({ y, low, high }, name) =>
          `${name}: ${formatInterval({ value: y, low: low ?? y, high: high ?? y }, true)}`,
      },
      theme,
    ),
  words: ({ sets }) =>
    sets
      .map(
        ({ label, metrics }) =>
          `${label}: ${metrics.map((one) => `${one.metric} ${formatInterval(one, true)}`).join(', ')}.`,
      )
      .join(' '),
  table: ({ ks, sets }) => ({
    caption: 'HumanEval pass@k',
    head: ['k', ...sets.map(({ label }) => label), 'n'],
    rows: ks.map((k) => {
      const at = sets.map(({ metrics }) => metrics.find(({ metric }) => kOf(metric) === k));
      return [
        String(k),
        ...at.map((one) => (one ? formatInterval(one, true) : '')),
        (at.find(Boolean)?.n ?? 0).toLocaleString('en'),
      ];
    }),
  }),
  atName: 'k',
  rows: ({ sets }) =>
    sets.flatMap(({ label, metrics }) =>
      metrics.map(({ metric, value, low, high, n, setting }) => ({
        ...{ run: label, figure: metric, at: kOf(metric), value, low, high, n, setting },
      })),
    ),
  note: ({ sets }) =>
    `Share of problems solved by at least one of k programs (unbiased estimate); ${settingsOf(sets)}. Bars: 95% intervals.`,
};

const baseLook = (color: string) => ({ color, shape: 'rect' as const, dash: [4, 3] });
