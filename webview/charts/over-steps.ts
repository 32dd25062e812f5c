/** Charts of one metric over the steps of the shown runs: a line for each run. */
import { t, whole } from '../../src/text/l10n.ts';
import type { Table } from '../dom.ts';
import { stepName } from '../view-model/format.ts';
import { overSteps, sample, type Point, type Step } from '../view-model/series.ts';
import { chartOptions, stepAxis } from './options.ts';
import { styleOf } from './run-styles.ts';
import type { ChartView, DataRow } from './view.ts';

interface StepLines {
  runs: { label: string; styleIndex: number; points: Point[] }[];
  steps: number;
}
interface StepMetric extends Pick<ChartView<StepLines>, 'id' | 'title'> {
  value(step: Step): number;
  /** A value with its unit, as at the axis, in the tooltip and in the table. */
  format(value: number): string;
  /** A run's metrics in a sentence; there is at least one. */
  describe(points: readonly Point[]): string;
  caption(): string;
  name(): string;
  /** How a saved file calls it. */
  row: Pick<DataRow, 'metric' | 'unit'>;
}
const TABLE_ROWS = 50;

/** A run is named only among others. */
const named = ({ runs }: StepLines, name: string, text: string) =>
  runs.length > 1 ? `${name}: ${text}` : text;

export const stepChart = (metric: StepMetric): ChartView<StepLines> => ({
  id: metric.id,
  title: metric.title,
  type: 'line',
  zoomable: true,
  read({ shown }) {
    const runs = shown
      .map(({ series, ...run }) => ({ ...run, points: overSteps(series, metric.value) }))
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
  options: (model, theme) =>
    chartOptions(
      {
        x: stepAxis(model.steps),
        y: { title: '', format: metric.format, fromZero: true },
        legend: model.runs.length > 1 && 'lines',
        heading: ({ x }) => stepName(x),
        describe: ({ y }, name) => named(model, name, metric.format(y)),
      },
      theme,
    ),
  words: (model) =>
    model.runs.map(({ label, points }) => named(model, label, metric.describe(points))).join(' '),
  table: ({ runs }) =>
    stepTable(
      metric.caption(),
      runs.map(({ label, points }) => ({
        name: runs.length > 1 ? label : metric.name(),
        texts: points.map(({ x, y }) => [x, metric.format(y)]),
      })),
    ),
  atName: 'step',
  rows: ({ runs }) =>
    runs.flatMap(({ label, points }) =>
      points.map(({ x, y }) => ({ run: label, ...metric.row, at: x, value: y })),
    ),
});

/** A table with a row for each step; of each column, at most 50 steps, evenly spread, have one. */
export function stepTable(
  caption: string,
  columns: readonly { name: string; texts: readonly [step: number, text: string][] }[],
): Table {
  const steps = new Set(columns.flatMap(({ texts }) => sample(texts, TABLE_ROWS).map(([step]) => step)));
  const at = columns.map(({ texts }) => new Map(texts));
  return {
    caption,
    head: [t('Step'), ...columns.map(({ name }) => name)],
    rows: [...steps]
      .sort((a, b) => a - b)
      .map((step) => [whole(step), ...at.map((texts) => texts.get(step) ?? '')]),
  };
}
