/** What was learned and forgotten at each strength of the shown runs: lines that start before training. */
import { joined, t, withPoint } from '../../src/text/l10n.ts';
import type { Theme } from '../theme.ts';
import { formatInterval, formatTick } from '../view-model/format.ts';
import {
  chosenByThese,
  strengthPaths,
  type StrengthPath,
  type StrengthPathPoint,
} from '../view-model/strength.ts';
import { pathStyle } from './run-styles.ts';
import { chartOptions, describeLearnedForgot } from './options.ts';
import type { ChartView, DataRow, Dataset } from './view.ts';

interface Paths {
  paths: StrengthPath[];
}

const learnedTitle = () => t('learned: {metric}', { metric: t('fall of bits per byte at held-out cursors') });
const forgotTitle = () => t('forgot: {metric}', { metric: t('KL from base, nats/token') });
function nameOf({ strength, mark }: StrengthPathPoint): string {
  if (strength === 0) return t('before training');
  const name = t('strength {strength}', { strength: withPoint(String(strength)) });
  return mark ? `${name} (${mark})` : name;
}
const learned = ({ x, xLow, xHigh }: StrengthPathPoint) =>
  formatInterval({ value: x, low: xLow, high: xHigh }, false);
const forgot = ({ y, low, high }: StrengthPathPoint) => formatInterval({ value: y, low, high }, false);

const isStart = ({ strength }: StrengthPathPoint) => strength === 0;

function pathSet({ label, styleIndex, points }: StrengthPath, theme: Theme): Dataset {
  return {
    ...pathStyle(styleIndex, points, { isBase: isStart, isBest: ({ isInUse }) => isInUse }, theme),
    label,
    data: points.map((point) => {
      const { x, xLow, xHigh, y, low, high } = point;
      return { x, xLow, xHigh, y, low, high, label: `${label}, ${nameOf(point)}` };
    }),
    pointRadius: points.map((point) => (point.isInUse ? 9 : isStart(point) ? 5 : 3.5)),
  };
}

export const strengthChart: ChartView<Paths> = {
  id: 'strength',
  title: () => t('What does each strength gain, and at what price?'),
  type: 'scatter',
  read({ shown }) {
    const paths = strengthPaths(shown);
    return paths.length ? { paths } : undefined;
  },
  datasets: ({ paths }, theme) => paths.map((path) => pathSet(path, theme)),
  options: ({ paths }, theme) =>
    chartOptions(
      {
        x: { title: learnedTitle(), format: formatTick, fromZero: true },
        y: { title: forgotTitle(), format: formatTick, fromZero: true },
        legend: paths.length > 1 && 'points',
        heading: ({ label }) => label ?? '',
        describe: describeLearnedForgot,
      },
      theme,
    ),
  words: ({ paths }) =>
    paths
      .map(({ label, points }) => {
        const said = points
          .filter((point) => !isStart(point))
          .map((point) =>
            t('{point} learned {learned}, forgot {forgot}', {
              point: nameOf(point),
              learned: learned(point),
              forgot: forgot(point),
            }),
          );
        return t('{clause}.', { clause: `${label}: ${said.join(t('; '))}` });
      })
      .join(' '),
  table: ({ paths }) => ({
    caption: t('Learning and forgetting by strength'),
    head: [t('Run and strength'), learnedTitle(), forgotTitle()],
    rows: paths.flatMap(({ label, points }) =>
      points.map((point) => [`${label}, ${nameOf(point)}`, learned(point), forgot(point)]),
    ),
  }),
  atName: 'strength',
  rows: ({ paths }) =>
    paths.flatMap(({ label: run, setting, points }) =>
      points.flatMap(({ strength: at, x, xLow, xHigh, y, low, high }): DataRow[] => [
        { run, at, setting, metric: learnedTitle(), value: x, low: xLow, high: xHigh },
        { run, at, setting, metric: forgotTitle(), value: y, low, high },
      ]),
    ),
  note: () =>
    joined([
      t(
        'From before training (empty circle) to the full change (strength 1); the straight lines only join the measured points. Right: learned more. Up: further from the base. Star: the strength in use.',
      ),
      chosenByThese(),
    ]),
};
