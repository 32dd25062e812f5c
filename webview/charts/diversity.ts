/** How many different programs the model writes per problem: all, passing and failing ones. */
import { t } from '../../src/text/l10n.ts';
import { metricSets, settingsOf, type MetricSet } from '../view-model/metric-sets.ts';
import { isUnique } from '../view-model/labels.ts';
import { metricTable, metricWords } from './metric-sets.ts';
import { barStyle, styleOf } from './run-styles.ts';
import { chartOptions, describeHeight } from './options.ts';
import type { ChartView } from './view.ts';

interface Diversity {
  names: string[];
  sets: MetricSet[];
  warning: string | undefined;
}
const shortName = (metric: string) => {
  if (metric === 'unique programs') return t('all');
  const which = metric.replace(/^unique | programs$/g, '');
  return which === 'passing' ? t('passing') : which === 'failing' ? t('failing') : which;
};

export const diversityChart: ChartView<Diversity> = {
  id: 'diversity',
  title: () => t('Does it still write different programs?'),
  type: 'bar',
  read({ shown }) {
    const { sets, warning } = metricSets(shown, ({ metric }) => isUnique(metric));
    const names = [...new Set(sets.flatMap(({ metrics }) => metrics.map(({ metric }) => metric)))];
    return names.length ? { names, sets, warning } : undefined;
  },
  labels: ({ names }) => names.map(shortName),
  datasets: ({ names, sets }, theme) =>
    sets.map(({ label, styleIndex, metrics }) => {
      const shade = styleIndex === undefined ? theme.faint : styleOf(styleIndex, theme).color;
      return {
        label,
        data: names.flatMap((name, x) => {
          const shownMetric = metrics.find(({ metric }) => metric === name);
          return shownMetric
            ? [{ x, y: shownMetric.value, low: shownMetric.low, high: shownMetric.high }]
            : [];
        }),
        ...barStyle(shade),
        maxBarThickness: 40,
      };
    }),
  options: (_, theme) =>
    chartOptions(
      {
        x: { title: '', category: true },
        y: { title: t('unique programs per problem'), fromZero: true },
        legend: 'points',
        describe: (datum, name) => `${name}: ${describeHeight(datum, false)}`,
      },
      theme,
    ),
  words: ({ sets }) => metricWords(sets, ({ metric }) => shortName(metric), false),
  table: ({ names, sets }) =>
    metricTable({
      caption: t('Unique programs per problem'),
      corner: '',
      rows: names.map((metric) => ({ name: shortName(metric), metric })),
      sets,
      share: false,
    }),
  atName: 'programs',
  rows: ({ sets }) =>
    sets.flatMap(({ label, metrics }) =>
      metrics.map(({ metric, value, low, high, n, setting }) => ({
        run: label,
        metric,
        at: shortName(metric),
        value,
        low,
        high,
        n,
        setting,
        unit: 'programs',
      })),
    ),
  warning: ({ warning }) => warning,
  note: ({ sets }) =>
    t(
      'Different programs among those sampled for a HumanEval problem, mean over problems; {setting}. Bars: 95% intervals.',
      { setting: settingsOf(sets) },
    ),
};
