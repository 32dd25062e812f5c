/** The learning rate over the steps of the shown runs. */
import { t, whole } from '../../src/text/l10n.ts';
import { formatRate, stepName } from '../view-model/format.ts';
import { sample, type Point } from '../view-model/series.ts';
import { styleOf } from './run-styles.ts';
import { chartOptions, stepAxis } from './options.ts';
import type { ChartView } from './view.ts';

interface RunRate {
  label: string;
  styleIndex: number;
  points: Point[];
}
interface RateModel {
  runs: RunRate[];
  steps: number;
}
const TABLE_ROWS = 50;

export const learningRateChart: ChartView<RateModel> = {
  id: 'learning-rate',
  title: () => t('How large were the steps of training?'),
  type: 'line',
  zoomable: true,
  read({ shown }) {
    const runs = shown
      .map(({ label, styleIndex, series }) => ({ label, styleIndex, points: series.learningRate }))
      .filter(({ points }) => points.length > 0);
    if (runs[0]?.styleIndex !== 0) return undefined;
    return { runs, steps: Math.max(...shown.map(({ snapshot }) => snapshot.state.steps)) };
  },
  datasets: ({ runs }, theme) =>
    runs.map(({ label, styleIndex, points }) => {
      const { color, dash } = styleOf(styleIndex, theme);
      return {
        label,
        data: points,
        borderColor: color,
        backgroundColor: color,
        borderWidth: 2,
        borderDash: dash,
        pointRadius: points.length === 1 ? 3 : 0,
        pointHoverRadius: 3,
      };
    }),
  options: ({ steps, runs }, theme) =>
    chartOptions(
      {
        x: stepAxis(steps),
        y: { title: '', format: formatRate, fromZero: true },
        legend: runs.length > 1 && 'lines',
        heading: ({ x }) => stepName(x),
        describe: ({ y }, name) => (runs.length > 1 ? `${name}: ${formatRate(y)}` : formatRate(y)),
      },
      theme,
    ),
  words: ({ runs }) =>
    runs
      .map(({ label, points }) => {
        const peak = points.reduce((best, point) => (point.y > best.y ? point : best));
        const last = points.at(-1)!;
        const values = {
          peak: formatRate(peak.y),
          peakStep: peak.x,
          rate: formatRate(last.y),
          step: last.x,
        };
        const said = t(
          'The learning rate peaks at {peak} at step {peakStep} and is {rate} at step {step}.',
          values,
        );
        return runs.length > 1 ? `${label}: ${said}` : said;
      })
      .join(' '),
  table({ runs }) {
    const columns = runs.map(({ points }) => new Map(points.map(({ x, y }) => [x, formatRate(y)])));
    const steps = new Set(runs.flatMap(({ points }) => sample(points, TABLE_ROWS).map(({ x }) => x)));
    return {
      caption: t('Learning rate by step'),
      head: [t('Step'), ...(runs.length > 1 ? runs.map(({ label }) => label) : [t('Learning rate')])],
      rows: [...steps]
        .sort((a, b) => a - b)
        .map((step) => [whole(step), ...columns.map((column) => column.get(step) ?? '')]),
    };
  },
  atName: 'step',
  rows: ({ runs }) =>
    runs.flatMap(({ label, points }) =>
      points.map(({ x, y }) => ({ run: label, figure: 'learning rate', at: x, value: y })),
    ),
};
