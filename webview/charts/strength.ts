/** What was learned and forgotten at each strength of the shown runs: lines that start at the base. */
import type { Theme } from '../theme.ts';
import { formatInterval, formatTick } from '../view-model/format.ts';
import { strengthPaths, type StrengthPath, type StrengthPathPoint } from '../view-model/strength.ts';
import { pathLook } from './looks.ts';
import { chartOptions, describeLearnedForgot } from './options.ts';
import type { ChartView, DataRow, Dataset } from './view.ts';

interface Paths {
  paths: StrengthPath[];
}

const LEARNED = 'fall of bits per byte at held-out cursors';
const FORGOT = 'KL from base, nats/token';
const nameOf = ({ strength, mark }: StrengthPathPoint) =>
  strength === 0 ? 'base' : `strength ${strength}${mark && ` (${mark})`}`;
const learned = ({ x, xLow, xHigh }: StrengthPathPoint) =>
  formatInterval({ value: x, low: xLow, high: xHigh }, false);
const forgot = ({ y, low, high }: StrengthPathPoint) => formatInterval({ value: y, low, high }, false);

const isBase = ({ strength }: StrengthPathPoint) => strength === 0;

function pathSet({ label, look, points }: StrengthPath, theme: Theme): Dataset {
  return {
    ...pathLook(look, points, { isBase, isBest: ({ isInUse }) => isInUse }, theme),
    label,
    data: points.map((point) => {
      const { x, xLow, xHigh, y, low, high } = point;
      return { x, xLow, xHigh, y, low, high, label: `${label}, ${nameOf(point)}` };
    }),
    pointRadius: points.map((point) => (point.isInUse ? 9 : isBase(point) ? 5 : 3.5)),
  };
}

export const strengthChart: ChartView<Paths> = {
  id: 'strength',
  title: 'Learning against forgetting, by strength',
  type: 'scatter',
  read({ shown }) {
    const paths = strengthPaths(shown);
    return paths.length ? { paths } : undefined;
  },
  datasets: ({ paths }, theme) => paths.map((path) => pathSet(path, theme)),
  options: ({ paths }, theme) =>
    chartOptions(
      {
        x: { title: `learned: ${LEARNED}`, format: formatTick, fromZero: true },
        y: { title: `forgot: ${FORGOT}`, format: formatTick, fromZero: true },
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
          .slice(1)
          .map((point) => `${nameOf(point)} learned ${learned(point)}, forgot ${forgot(point)}`);
        return `${label}: ${said.join('; ')}.`;
      })
      .join(' '),
  table: ({ paths }) => ({
    caption: 'Learning and forgetting by strength',
    head: ['Run and strength', `Learned: ${LEARNED}`, `Forgot: ${FORGOT}`],
    rows: paths.flatMap(({ label, points }) =>
      points.map((point) => [`${label}, ${nameOf(point)}`, learned(point), forgot(point)]),
    ),
  }),
  atName: 'strength',
  rows: ({ paths }) =>
    paths.flatMap(({ label: run, setting, points }) =>
      points.flatMap(({ strength: at, x, xLow, xHigh, y, low, high }): DataRow[] => [
        { run, at, setting, figure: `learned: ${LEARNED}`, value: x, low: xLow, high: xHigh },
        { run, at, setting, figure: `forgot: ${FORGOT}`, value: y, low, high },
      ]),
    ),
  note: () =>
    'From the base (empty circle) to the full change (strength 1); the straight lines only join the measured points. Right: learned more. Up: moved further from the base. Star: the strength in use.',
};
