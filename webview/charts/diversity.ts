/** How many different programs the model writes per problem: all, passing and failing ones. */
import { color } from 'chart.js/helpers';
import { figureSets, settingsOf, type FigureSet } from '../view-model/figures.ts';
import { formatInterval } from '../view-model/format.ts';
import { isUnique } from '../view-model/labels.ts';
import { lookOf } from './looks.ts';
import { chartOptions } from './options.ts';
import type { ChartView } from './view.ts';

interface Diversity {
  names: string[];
  sets: FigureSet[];
}
const shortName = (metric: string) => metric.replace(/^unique programs$/, 'all').replace(/^unique /, '');

export const diversityChart: ChartView<Diversity> = {
  id: 'diversity',
  title: 'Unique programs',
  type: 'bar',
  read({ shown }) {
    const sets = figureSets(shown, ({ metric }) => isUnique(metric));
    const names = [...new Set(sets.flatMap(({ metrics }) => metrics.map(({ metric }) => metric)))];
    return names.length ? { names, sets } : undefined;
  },
  labels: ({ names }) => names.map(shortName),
  datasets: ({ names, sets }, theme) =>
    sets.map(({ label, look, metrics }) => {
      const shade = look === undefined ? theme.faint : lookOf(look, theme).color;
      return {
        label,
        data: names.flatMap((name, x) => {
          const one = metrics.find(({ metric }) => metric === name);
          return one ? [{ x, y: one.value, low: one.low, high: one.high }] : [];
        }),
        borderColor: shade,
        backgroundColor: color(shade).alpha(0.55).rgbString(),
        borderWidth: 1,
        maxBarThickness: 40,
      };
    }),
  options: (_, theme) =>
    chartOptions(
      {
        x: { title: '', category: true },
        y: { title: 'unique programs per problem', fromZero: true },
        legend: 'points',
        describe: ({ y, low, high }, name) =>
          `${name}: ${formatInterval({ value: y, low: low ?? y, high: high ?? y }, false)}`,
      },
      theme,
    ),
  words: ({ sets }) =>
    sets
      .map(
        ({ label, metrics }) =>
          `${label}: ${metrics.map((one) => `${shortName(one.metric)} ${formatInterval(one, false)}`).join(', ')}.`,
      )
      .join(' '),
  table: ({ names, sets }) => ({
    caption: 'Unique programs per problem',
    head: ['', ...sets.map(({ label }) => label), 'n'],
    rows: names.map((name) => {
      const at = sets.map(({ metrics }) => metrics.find(({ metric }) => metric === name));
      return [
        shortName(name),
        ...at.map((one) => (one ? formatInterval(one, false) : '')),
        (at.find(Boolean)?.n ?? 0).toLocaleString('en'),
      ];
    }),
  }),
  atName: 'programs',
  rows: ({ sets }) =>
    sets.flatMap(({ label, metrics }) =>
      metrics.map(({ metric, value, low, high, n, setting }) => ({
        ...{ run: label, figure: metric, at: shortName(metric), value, low, high, n, setting },
        unit: 'programs',
      })),
    ),
  note: ({ sets }) =>
    `Different programs among those sampled for a HumanEval problem, mean over problems; ${settingsOf(sets)}. Bars: 95% intervals.`,
};
