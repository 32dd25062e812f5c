/** Bar charts of a metric before and after training: forgetting (KL from base), and HumanEval pass@k. */
import { joined } from '../../src/protocol/told-texts.ts';
import { t, whole } from '../../src/protocol/l10n.ts';
import { color } from 'chart.js/helpers';
import { beforeAfter, type Bar, type BeforeAfter } from '../view-model/before-after.ts';
import { formatInterval, formatShareTick, formatTick, isShare } from '../view-model/format.ts';
import { isKl, isPassAtK } from '../view-model/labels.ts';
import { settingWithin } from '../view-model/setting.ts';
import { lookOf } from './looks.ts';
import { chartOptions, describeHeight } from './options.ts';
import type { ChartView } from './view.ts';

type Match = (task: string, metric: string) => boolean;
interface Texts {
  id: string;
  title(): string;
  note(): string;
}

/** There is room for only a few letters under a bar. */
const shortName = ({ name }: Bar, bars: number) => {
  const room = Math.max(8, Math.floor(60 / bars));
  return name.length > room ? `${name.slice(0, room - 1)}\u2026` : name;
};

function barChart({ id, title, note }: Texts, match: Match): ChartView<BeforeAfter> {
  const share = ({ metric, unit }: BeforeAfter) => isShare(metric, unit);
  return {
    id,
    title,
    type: 'bar',
    open: true,
    read: ({ shown }) => beforeAfter(shown, match),
    labels: ({ bars }) => bars.map((bar) => shortName(bar, bars.length)),
    datasets: ({ label, bars }, theme) => [
      {
        label,
        data: bars.map(({ y, low, high, name }, x) => ({ x, y, low, high, label: name })),
        borderColor: theme.first,
        backgroundColor: bars.map(({ look }) =>
          color(look === undefined ? theme.faint : lookOf(look, theme).color)
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
            format: (value, step) => (share(model) ? formatShareTick(value, step) : formatTick(value, step)),
          },
          heading: ({ label }) => label ?? '',
          describe: (datum) => describeHeight(datum, share(model)),
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
        whole(bar.n),
      ]),
    }),
    atName: 'of',
    rows: ({ bars, label, unit, setting }) =>
      bars.map(({ name: at, y: value, low, high, n }) => ({
        figure: label,
        at,
        value,
        low,
        high,
        n,
        unit,
        setting,
      })),
    note: ({ setting }) =>
      joined([
        note(),
        t('Measured: {setting}.', { setting: settingWithin(setting) }),
        t('Bars: 95% intervals.'),
      ]),
  };
}

export const forgettingChart = barChart(
  {
    id: 'forgetting',
    title: () => t('Forgetting'),
    note: () =>
      t('How far the result has moved from the base, on text that the base itself wrote; 0 is the base.'),
  },
  (_, metric) => isKl(metric),
);
export const humanEvalChart = barChart(
  { id: 'humaneval', title: () => 'HumanEval', note: () => t('Share of programs that pass their tests.') },
  (task, metric) => task === 'humaneval' && isPassAtK(metric),
);
