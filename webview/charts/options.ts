import { t, whole } from '../../src/text/l10n.ts';
import {
  Chart,
  type ChartDataset,
  type ChartOptions,
  type LegendItem,
  type Scale,
  type ScaleOptionsByType,
  type Tick,
  type TooltipItem,
} from 'chart.js';
import type { Theme } from '../theme.ts';
import { formatInterval, formatTick } from '../view-model/format.ts';
import type { Dataset, Datum } from './view.ts';

interface AxisOptions {
  title: string;
  /** `step` is the distance between two ticks, which decides the number of decimals. */
  format?: (value: number, step: number) => string;
  fromZero?: boolean;
  suggestedMax?: number;
  category?: boolean;
  /** A logarithmic scale; `ticks` are then the labelled values. */
  logarithmic?: boolean;
  ticks?: number[];
  stacked?: boolean;
}

/** From the first step to the last planned one, so that the chart of a running run does not rescale. */
export const stepAxis = (steps: number): AxisOptions => ({
  title: t('step'),
  fromZero: true,
  suggestedMax: steps,
  format: (value) => (Number.isInteger(value) ? whole(value) : ''),
});

const stepOf = (ticks: Tick[]) => (ticks.length > 1 ? Math.abs(ticks[1]!.value - ticks[0]!.value) : 1);

type LinearAxis = Partial<ScaleOptionsByType<'linear'>>;

/** Maximum length in pixels of an axis title next to a chart, and the approximate width of a letter. */
const MAX_TITLE_PIXELS = 180;
const LETTER = { narrow: 6.5, wide: 12 };

/** Puts the unit on a second line if an axis title is too long. */
function linesOf(title: string): string | string[] {
  const width = [...title].reduce(
    (sum, character) => sum + (character > '\u2e80' ? LETTER.wide : LETTER.narrow),
    0,
  );
  const at = Math.max(title.lastIndexOf(', '), title.lastIndexOf('，'));
  return width > MAX_TITLE_PIXELS && at > 0 ? [title.slice(0, at), title.slice(at + 1).trim()] : title;
}

function axis(
  {
    title,
    format = formatTick,
    fromZero = false,
    suggestedMax,
    category = false,
    logarithmic = false,
    ticks: named,
    stacked = false,
  }: Omit<AxisOptions, 'title'> & { title: string | string[] },
  theme: Theme,
): LinearAxis {
  const common = {
    title: { display: title !== '', text: title, color: theme.faint, font: { family: theme.font, size: 12 } },
    grid: { color: theme.grid, display: !category },
    border: { color: theme.grid },
  };
  const ticks = { color: theme.faint, font: { family: theme.font, size: 11 }, maxRotation: 0 };
  if (category) return { ...common, type: 'category', stacked, ticks } as unknown as LinearAxis;
  return {
    ...common,
    type: logarithmic ? 'logarithmic' : 'linear',
    stacked,
    ...(named && { afterBuildTicks: (scale: Scale) => (scale.ticks = named.map((value) => ({ value }))) }),
    beginAtZero: fromZero,
    suggestedMax,
    afterDataLimits: includeWhiskers,
    ticks: {
      ...ticks,
      ...(named && { autoSkip: false }),
      callback: (value: number | string, _: number, all: Tick[]) => format(Number(value), stepOf(all)),
    },
  } as unknown as LinearAxis;
}

/** chart.js fits an axis to the points; this extends it to their intervals. */
function includeWhiskers(scale: Scale): void {
  const { min: userMin, max: userMax } = scale.options as { min?: number; max?: number };
  if (userMin !== undefined || userMax !== undefined) return;
  const [low, high] = scale.axis === 'x' ? (['xLow', 'xHigh'] as const) : (['low', 'high'] as const);
  scale.chart.data.datasets.forEach(({ data }, index) => {
    if (!scale.chart.isDatasetVisible(index)) return;
    for (const datum of data as unknown as Datum[]) {
      if (datum.bare) continue;
      if (datum[low] !== undefined) scale.min = Math.min(scale.min, datum[low]);
      if (datum[high] !== undefined) scale.max = Math.max(scale.max, datum[high]);
    }
  });
}

const MAX_LABEL_CHARACTERS = 60;

/** If points differ in shape, the first is the base's; the last shape that is not the star identifies the run. */
function lastShape({ data }: Chart, { datasetIndex }: LegendItem): Partial<LegendItem> {
  const { pointStyle, borderColor } = data.datasets[datasetIndex!] as unknown as Dataset;
  if (!Array.isArray(pointStyle)) return {};
  const usual = pointStyle.findLast((shape) => shape !== 'star') ?? pointStyle[0]!;
  return { pointStyle: usual, fillStyle: borderColor, lineWidth: 1 };
}

const shortLabels =
  (unnamed: string | undefined) =>
  (chart: Chart): LegendItem[] =>
    Chart.defaults.plugins.legend.labels
      .generateLabels(chart)
      .filter(({ text }) => !unnamed || !text.endsWith(unnamed))
      .map((item) => ({
        ...item,
        ...lastShape(chart, item),
        text:
          item.text.length > MAX_LABEL_CHARACTERS
            ? `${item.text.slice(0, MAX_LABEL_CHARACTERS - 1)}\u2026`
            : item.text,
      }));

/** A datum's height and its interval, for the tooltip. */
export const describeHeight = ({ y, low = y, high = y }: Datum, share: boolean): string =>
  formatInterval({ value: y, low, high }, share);

/** The tooltip of a point of learning against forgetting. */
export const describeLearnedForgot = ({ x, xLow = x, xHigh = x, ...datum }: Datum): string =>
  t('learned {learned}, forgot {forgot}', {
    learned: formatInterval({ value: x, low: xLow, high: xHigh }, false),
    forgot: describeHeight({ x, ...datum }, false),
  });

/** Reuses data sets with the same label, each once, so that those hidden by the user stay hidden. */
export function mergeSets(old: readonly ChartDataset[], next: readonly Dataset[]): ChartDataset[] {
  const left = [...old];
  return next.map((dataset) => {
    const at = left.findIndex(({ label }) => label === dataset.label);
    const same = at < 0 ? undefined : left.splice(at, 1)[0];
    return same ? Object.assign(same, dataset) : (dataset as unknown as ChartDataset);
  });
}

interface ChartFrame {
  x: AxisOptions;
  y: AxisOptions;
  /** Whether the legend shows samples of the lines or the shapes of the points. */
  legend?: false | 'lines' | 'points';
  /** Data sets whose label ends with this are not in the legend. */
  unnamed?: string | undefined;
  /** The tooltip's line for a point. */
  describe(datum: Datum, dataset: string): string;
  heading?(datum: Datum): string;
}

export function chartOptions(
  { x, y, legend = false, unnamed, describe, heading }: ChartFrame,
  theme: Theme,
): ChartOptions {
  const datum = (item: TooltipItem<'line'>) => item.raw as Datum;
  const options: ChartOptions<'line'> = {
    responsive: true,
    maintainAspectRatio: false,
    // Animation would redraw everything at each live update.
    animation: false,
    parsing: false,
    normalized: true,
    interaction: {
      mode: x.category && !x.stacked ? 'index' : 'nearest',
      intersect: false,
      axis: x.category ? 'x' : 'xy',
    },
    scales: { x: axis(x, theme), y: axis({ ...y, title: linesOf(y.title) }, theme) },
    plugins: {
      legend: {
        display: legend !== false,
        position: 'top',
        align: 'start',
        labels: {
          color: theme.text,
          font: { family: theme.font, size: 12 },
          usePointStyle: legend === 'points',
          // Long run names must not push the chart off its card.
          generateLabels: shortLabels(unnamed),
          boxWidth: legend === 'points' ? 8 : 24,
          boxHeight: legend === 'points' ? 8 : 1,
        },
      },
      tooltip: {
        backgroundColor: theme.background,
        titleColor: theme.text,
        bodyColor: theme.text,
        borderColor: theme.faint,
        borderWidth: 1,
        displayColors: false,
        titleFont: { family: theme.font },
        bodyFont: { family: theme.font },
        callbacks: {
          title: (items) => (items[0] ? (heading?.(datum(items[0])) ?? items[0].label) : ''),
          label: (item) => describe(datum(item), item.dataset.label ?? ''),
        },
      },
    },
  };
  return options as ChartOptions;
}
