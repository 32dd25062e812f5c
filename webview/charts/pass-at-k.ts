/** HumanEval pass@k over k, of base and results. */
import { t } from '../../src/text/l10n.ts';
import { formatShareTick } from '../view-model/format.ts';
import { metricSets, settingsOf, type MetricSet } from '../view-model/metric-sets.ts';
import { isPassAtK } from '../view-model/labels.ts';
import { metricTable, metricWords } from './metric-sets.ts';
import { styleOf } from './run-styles.ts';
import { chartOptions, describeHeight } from './options.ts';
import type { ChartView } from './view.ts';

interface PassAtK {
  ks: number[];
  sets: MetricSet[];
  warning: string | undefined;
}
const kOf = (metric: string) => Number(metric.replace(/^pass@/i, ''));
/** Shift between lines, so that their whiskers at the same k do not overlap. */
const LINE_SHIFT = 0.03;

export const passAtKChart: ChartView<PassAtK> = {
  id: 'pass-at-k',
  title: () => t('How many tries does a HumanEval problem take?'),
  type: 'line',
  read({ shown }) {
    const { sets, warning } = metricSets(
      shown,
      ({ task, metric }) => task === 'humaneval' && isPassAtK(metric),
    );
    const ks = [...new Set(sets.flatMap(({ metrics }) => metrics.map(({ metric }) => kOf(metric))))];
    // A single k gives no curve; the bar chart shows it.
    return ks.length > 1 ? { ks: ks.sort((a, b) => a - b), sets, warning } : undefined;
  },
  datasets: ({ sets }, theme) =>
    sets.map(({ label, styleIndex, metrics }, index) => {
      const { color, shape, dash } =
        styleIndex === undefined ? baseStyle(theme.faint) : styleOf(styleIndex, theme);
      const shift = 1 + LINE_SHIFT * (index - (sets.length - 1) / 2);
      return {
        label,
        data: metrics
          .map(({ metric, value, low, high }) => ({
            x: kOf(metric) * shift,
            y: value,
            low,
            high,
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
        x: { title: t('k, programs tried per problem'), logarithmic: true, ticks: ks, format: String },
        y: {
          title: t('problems solved'),
          fromZero: true,
          format: formatShareTick,
        },
        legend: 'lines',
        heading: ({ label }) => label ?? '',
        describe: (datum, name) => `${name}: ${describeHeight(datum, true)}`,
      },
      theme,
    ),
  words: ({ sets }) => metricWords(sets, ({ metric }) => metric, true),
  table: ({ ks, sets }) =>
    metricTable({
      caption: 'HumanEval pass@k',
      corner: 'k',
      rows: ks.map((k) => ({ name: String(k), metric: `pass@${k}` })),
      sets,
      share: true,
    }),
  atName: 'k',
  rows: ({ sets }) =>
    sets.flatMap(({ label, metrics }) =>
      metrics.map(({ metric, value, low, high, n, setting }) => ({
        run: label,
        metric,
        at: kOf(metric),
        value,
        low,
        high,
        n,
        setting,
      })),
    ),
  warning: ({ warning }) => warning,
  note: ({ sets }) =>
    t(
      'Share of problems solved by at least one of k programs (unbiased estimate); {setting}. Bars: 95% intervals.',
      { setting: settingsOf(sets) },
    ),
};

const baseStyle = (color: string) => ({ color, shape: 'rect' as const, dash: [4, 3] });
