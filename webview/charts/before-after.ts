/** Bar charts of a metric before and after training: characters predicted, HumanEval pass@k, KL from the base. */
import { joined, t, whole, withPoint } from '../../src/text/l10n.ts';
import { CHARACTERS, type Comparison, CURSORS } from '../../src/protocol/evaluation.ts';
import { color } from 'chart.js/helpers';
import { beforeAfter, type Bar, type BeforeAfter } from '../view-model/before-after.ts';
import { verdict, type Verdict } from '../view-model/comparisons.ts';
import { formatInterval, formatShareTick, formatTick, isShare } from '../view-model/format.ts';
import { isKl, isPassAtK } from '../view-model/labels.ts';
import { settingWithin } from '../view-model/setting.ts';
import { humanEval } from '../view-model/verdict.ts';
import { styleOf } from './run-styles.ts';
import { chartOptions, describeHeight } from './options.ts';
import type { ChartView } from './view.ts';

type Match = (task: string, metric: string) => boolean;
interface Texts extends Pick<ChartView<BeforeAfter>, 'id' | 'title' | 'open'> {
  answer(comparison: Comparison, limit: number): string | undefined;
  note(): string;
}

/** There is room for only a few letters under a bar. */
const shortName = ({ name }: Bar, bars: number) => {
  const room = Math.max(8, Math.floor(60 / bars));
  return name.length > room ? `${name.slice(0, room - 1)}\u2026` : name;
};

function barChart({ id, title, open, answer, note }: Texts, match: Match): ChartView<BeforeAfter> {
  const share = ({ metric, unit }: BeforeAfter) => isShare(metric, unit);
  return {
    id,
    title,
    type: 'bar',
    open,
    read({ shown }) {
      const found = beforeAfter(shown, match);
      // The base alone does not answer the question.
      return found?.bars.some(({ x }) => x > 0) ? found : undefined;
    },
    labels: ({ bars }) => bars.map((bar) => shortName(bar, bars.length)),
    datasets: ({ label, bars }, theme) => [
      {
        label,
        data: bars.map(({ y, low, high, name }, x) => ({ x, y, low, high, label: name })),
        borderColor: theme.first,
        backgroundColor: bars.map(({ styleIndex }) =>
          color(styleIndex === undefined ? theme.faint : styleOf(styleIndex, theme).color)
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
            // So that a small change looks small.
            ...(isKl(model.metric) && { suggestedMax: model.limit }),
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
    answer: ({ comparison, limit }) => comparison && answer(comparison, limit),
    atName: 'of',
    rows: ({ bars, label, unit, setting }) =>
      bars.map(({ name: at, y: value, low, high, n }) => ({
        metric: label,
        at,
        value,
        low,
        high,
        n,
        unit,
        setting,
      })),
    warning: ({ warning }) => warning,
    note: () => joined([note(), t('Bars: 95% intervals.')]),
    how: ({ how }) => t('Measured: {setting}.', { setting: settingWithin(how) }),
  };
}

/** A noticeable difference of shares; an interval that contains it leaves the question open. */
const NOTICEABLE = 0.1;

const byVerdict = (found: Comparison, answers: Partial<Record<Verdict, string>>) => answers[verdict(found)];

export const yourCodeChart = barChart(
  {
    id: 'your-code',
    title: () => t('Does it predict more of your code?'),
    open: true,
    answer: (found) =>
      byVerdict(found, {
        better: t('Yes, more than before.'),
        same:
          found.difference.high > NOTICEABLE
            ? t('There are too few places to tell ({n}).', { n: whole(found.after.n) })
            : t('No difference was seen (places tried: {n}).', { n: whole(found.after.n) }),
        worse: t('No, less than before.'),
      }),
    note: () =>
      t('Share of the characters of held-out code that it predicts, given what stands before them.'),
  },
  (task, metric) =>
    task === CURSORS ? metric === CHARACTERS : task === 'workspace' && metric === 'characters saved',
);
export const humanEvalChart = barChart(
  {
    id: 'humaneval',
    title: () => t('Has it forgotten general programming?'),
    open: true,
    answer: (found) =>
      byVerdict(found, {
        better: t('No: it solves more problems than the base.'),
        same:
          found.difference.low < -NOTICEABLE
            ? t("No loss was seen, but one can't be ruled out with so few problems ({n}).", {
                n: whole(found.after.n),
              })
            : t('No loss was seen (problems tried: {n}).', { n: whole(found.after.n) }),
        worse: t('Partly: it solves fewer problems than the base.'),
      }),
    note: () => joined([humanEval(), t('Share of programs that pass their tests.')]),
  },
  (task, metric) => task === 'humaneval' && isPassAtK(metric),
);
export const forgettingChart = barChart(
  {
    id: 'forgetting',
    title: () => t('How far has it moved from the base elsewhere?'),
    open: true,
    answer: ({ after: { value } }, limit) =>
      value <= limit
        ? t('Little: up to {limit} counts as close to the base.', { limit: withPoint(String(limit)) })
        : t('Far: only up to {limit} counts as close to the base.', { limit: withPoint(String(limit)) }),
    note: () =>
      t(
        'KL (Kullback-Leibler divergence): how differently it predicts text that the base itself wrote. 0: exactly as the base.',
      ),
  },
  (_, metric) => isKl(metric),
);
