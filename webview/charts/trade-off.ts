/** Learning against forgetting: each run's checkpoints as a path from the base, with intervals. */
import { joined, t, whole, withPoint } from '../../src/text/l10n.ts';
import type { Theme } from '../theme.ts';
import { formatInterval, formatTick, isShare, stepName } from '../view-model/format.ts';
import { metricLabel, isKl } from '../view-model/labels.ts';
import { sample } from '../view-model/series.ts';
import {
  axisTitle,
  metricKey,
  forgettingMetrics,
  learningMetrics,
  tradeOff,
  type AxisMetric,
  type Path,
  type PathPoint,
  type TradeOffView,
} from '../view-model/trade-off.ts';
import { styleOf, pathStyle } from './run-styles.ts';
import { chartOptions, describeLearnedForgot } from './options.ts';
import type { ChartPicker, ChartView, DataRow, Dataset, Datum } from './view.ts';

const LEARNED = 'learned';
const FORGOT = 'forgot';
/** Maximum number of points with whiskers, because more would hide the path. */
const MAX_WHISKERS = 8;
/** With more checkpoints than this, the path has no dots. */
const MAX_DOTS = 40;
const MAX_POINTS = 400;
const finalOf = (label: string) => t('{run}: final evaluation', { run: label });
const MAX_DESCRIBED_POINTS = 5;
const MAX_ROWS = 200;

const picker = (id: string, label: string, metrics: AxisMetric[]): ChartPicker => ({
  id,
  label,
  choices: metrics.map((metric) => ({
    id: metricKey(metric),
    label: metricLabel(metric.task, metric.metric),
  })),
});
const chosen = (metrics: AxisMetric[], key: string | undefined) =>
  metrics.find((metric) => metricKey(metric) === key) ?? metrics[0];

/** Shares are shown in percentage points. */
const scaleOf = ({ metric }: AxisMetric) => (isShare(metric) ? 100 : 1);
const learnedText = ({ x, xLow, xHigh }: PathPoint, metric: AxisMetric) =>
  text({ value: x, low: xLow, high: xHigh }, metric);
const forgotText = ({ y, low, high }: PathPoint, metric: AxisMetric) => text({ value: y, low, high }, metric);
function text(
  { value, low, high }: { value: number; low: number; high: number },
  metric: AxisMetric,
): string {
  const scale = scaleOf(metric);
  const shown = formatInterval({ value: value * scale, low: low * scale, high: high * scale }, false);
  return scale === 1 ? shown : t('{difference} points', { difference: shown });
}

const pointName = (path: Path, { step }: PathPoint) =>
  step > 0 && step === path.best ? `${stepName(step)} (${t('best')})` : stepName(step);

function datum(path: Path, point: PathPoint, bare: boolean, { learning, forgetting }: TradeOffView): Datum {
  const { x, xLow, xHigh, y, low, high } = point;
  const [across, up] = [scaleOf(learning), scaleOf(forgetting)];
  return {
    x: x * across,
    xLow: xLow * across,
    xHigh: xHigh * across,
    y: y * up,
    low: low * up,
    high: high * up,
    bare,
    label: `${path.label}, ${pointName(path, point)}`,
  };
}

/**
 * The points with whiskers: the best and some others; with several paths only the last, because they would overlap.
 */
function pointsWithWhiskers({ points, best, final }: Path, { paths }: TradeOffView): Set<PathPoint> {
  const some =
    paths.length > 1
      ? final
        ? []
        : points.slice(-1)
      : points.length > MAX_WHISKERS
        ? sample(points, MAX_WHISKERS)
        : points;
  return new Set([...some, ...points.filter(({ step }) => step === best)]);
}

function pathSet(path: Path, view: TradeOffView, theme: Theme): Dataset {
  const visiblePoints = new Set([
    ...sample(path.points, MAX_POINTS),
    ...path.points.filter(({ step }) => step === path.best),
  ]);
  const points = path.points.filter((point) => visiblePoints.has(point));
  const shown = pointsWithWhiskers(path, view);
  const last = points.at(-1);
  const dot = points.length > MAX_DOTS ? 0 : 3.5;
  const isBest = ({ step }: PathPoint) => step > 0 && step === path.best;
  const isBase = ({ step }: PathPoint) => step === 0;
  return {
    ...pathStyle(path.styleIndex, points, { isBase, isBest }, theme),
    label: view.paths.length > 1 ? path.label : path.final ? t('checkpoints') : path.label,
    data: points.map((point) => datum(path, point, !shown.has(point), view)),
    pointRadius: points.map((point) =>
      isBest(point) ? 9 : point === last && !path.final ? 6 : isBase(point) ? 5 : dot,
    ),
  };
}

function finalSet(path: Path, view: TradeOffView, theme: Theme): Dataset[] {
  if (!path.final) return [];
  const { color, shape } = styleOf(path.styleIndex, theme);
  return [
    {
      label: view.paths.length > 1 ? finalOf(path.label) : t('final evaluation'),
      data: [
        {
          ...datum(path, path.final, false, view),
          label: `${path.label}, ${pointName(path, path.final)}, ${t('final evaluation')}`,
        },
      ],
      borderColor: color,
      backgroundColor: theme.background,
      borderWidth: 2.5,
      pointRadius: 7,
      pointHoverRadius: 9,
      pointStyle: shape === 'star' ? 'rect' : shape,
    },
  ];
}

function strengthNote(paths: readonly Path[]): string {
  const strength = paths.map((path) => path.strength ?? 1).find((one) => one !== 1);
  if (strength === undefined) return '';
  return paths.length === 1
    ? t('Checkpoints are at full strength; the result is at {strength}.', {
        strength: withPoint(String(strength)),
      })
    : t('Checkpoints are at full strength; each result is at the strength in use.');
}

export const tradeOffChart: ChartView<TradeOffView> = {
  id: 'trade-off',
  title: () => t('What did each checkpoint gain, and at what price?'),
  type: 'scatter',
  pickers: ({ shown }) => [
    picker(LEARNED, t('Learned'), learningMetrics(shown)),
    picker(FORGOT, t('Forgot'), forgettingMetrics(shown)),
  ],
  read: ({ shown, differentCorpora }, picked) =>
    tradeOff(
      shown,
      chosen(learningMetrics(shown), picked[LEARNED]),
      chosen(forgettingMetrics(shown), picked[FORGOT]),
      differentCorpora,
    ),
  datasets: (view, theme) =>
    view.paths.flatMap((path) => [...finalSet(path, view, theme), pathSet(path, view, theme)]),
  options: (view, theme) =>
    chartOptions(
      {
        x: { title: axisTitle(view.learning, 'learned'), format: formatTick, fromZero: true },
        y: { title: axisTitle(view.forgetting, 'forgot'), format: formatTick, fromZero: true },
        legend: (view.paths.length > 1 || view.paths.some(({ final }) => final)) && 'points',
        // With several runs, the legend has only their names.
        unnamed: view.paths.length > 1 ? finalOf('') : undefined,
        heading: ({ label }) => label ?? '',
        describe: describeLearnedForgot,
      },
      theme,
    ),
  words: ({ paths, learning, forgetting }) =>
    paths
      .map((path) => {
        const points = sample(
          [...path.points.filter(({ step }) => step > 0), ...(path.final ? [path.final] : [])],
          MAX_DESCRIBED_POINTS,
        );
        const said = points.map((point) =>
          t('{point} learned {learned}, forgot {forgot}', {
            point: `${pointName(path, point)}${point === path.final ? ` (${t('final evaluation')})` : ''}`,
            learned: learnedText(point, learning),
            forgot: forgotText(point, forgetting),
          }),
        );
        return t('{clause}.', { clause: `${path.label}: ${said.join(t('; '))}` });
      })
      .join(' '),
  table: ({ paths, learning, forgetting }) => ({
    caption: t('Learning and forgetting by checkpoint'),
    head: [
      t('Run and step'),
      axisTitle(learning, 'learned'),
      axisTitle(forgetting, 'forgot'),
      'n',
      t('Interval of'),
    ],
    rows: paths.flatMap((path) =>
      [...sample(path.points, MAX_ROWS), ...(path.final ? [path.final] : [])].map((point) => [
        `${path.label}, ${pointName(path, point)}${point === path.final ? `, ${t('final evaluation')}` : ''}`,
        learnedText(point, learning),
        forgotText(point, forgetting),
        whole(point.n),
        point.paired ? t('the paired difference') : t('the value itself'),
      ]),
    ),
  }),
  atName: 'step',
  rows: ({ paths, learning, forgetting }) =>
    paths.flatMap((path) =>
      [...path.points, ...(path.final ? [path.final] : [])].flatMap((point): DataRow[] => {
        const { step: at, x, xLow, xHigh, y, low, high, n, setting } = point;
        const mark = { run: path.label, at, n, setting };
        return [
          { ...mark, metric: axisTitle(learning, 'learned'), value: x, low: xLow, high: xHigh },
          { ...mark, metric: axisTitle(forgetting, 'forgot'), value: y, low, high },
        ];
      }),
    ),
  warning: ({ warning }) => warning,
  note: ({ paths, forgetting }) =>
    joined([
      isKl(forgetting.metric)
        ? t('Right: learned more. Up: forgot more (moved further from the base).')
        : t('Right: learned more. Up: forgot more.'),
      t('Lower right is best; the empty circle is before training.'),
      paths.some(({ points, final }) => final && points.at(-1)?.setting !== final.setting)
        ? t(
            'Checkpoints were measured only briefly during training; what counts is the final evaluation, on more text.',
          )
        : '',
      strengthNote(paths),
      paths.some(({ points, best }) => points.some(({ step }) => step === best))
        ? t('Star: the checkpoint that was kept.')
        : '',
      paths.some(({ points }) => points.some(({ paired, step }) => step > 0 && !paired))
        ? t(
            'Bars of checkpoints: 95% intervals of the values themselves, which are wider than those of differences.',
          )
        : '',
    ]),
};
