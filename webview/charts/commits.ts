/** What was committed after the run: how much of it the result would have saved, and the model before it. */
import { t, whole } from '../../src/text/l10n.ts';
import type { CommitsSoFar } from '../../src/protocol/evaluation.ts';
import { isUnused, unused } from '../view-model/before-after.ts';
import { formatDifference, formatInterval, formatShareTick, formatTime } from '../view-model/format.ts';
import { chartOptions } from './options.ts';
import { styleOf } from './run-styles.ts';
import type { ChartView } from './view.ts';

interface Commits {
  points: readonly CommitsSoFar[];
  last: CommitsSoFar;
  /** Whether only this run is shown. */
  isAlone: boolean;
  isUnused: boolean;
}

const shareText = (value: number) => formatInterval({ value, low: value, high: value }, true);
const nameOf = ({ commit, at }: CommitsSoFar) => `${commit.slice(0, 8)}, ${formatTime(at)}`;

export const commitsChart: ChartView<Commits> = {
  id: 'commits',
  title: () => t('Would it have helped to write what was committed since?'),
  type: 'line',
  open: true,
  read({ run, shown }) {
    const points = run?.snapshot.summary?.commits;
    const last = points?.at(-1);
    return points && last && { points, last, isAlone: shown.length === 1, isUnused: isUnused(run!) };
  },
  datasets: ({ points }, theme) => {
    const line = (
      label: string,
      color: string,
      of: (point: CommitsSoFar) => number,
      dash: number[] = [],
    ) => ({
      label,
      data: points.map((point) => ({ x: point.commits, y: of(point), label: nameOf(point) })),
      borderColor: color,
      backgroundColor: color,
      borderWidth: 2,
      borderDash: dash,
      pointRadius: points.length === 1 ? 4 : 2,
      pointHoverRadius: 5,
    });
    return [
      line(t('before'), theme.faint, ({ before }) => before, [4, 3]),
      line(t('with what it learned'), styleOf(0, theme).color, ({ after }) => after),
    ];
  },
  options: ({ last }, theme) =>
    chartOptions(
      {
        x: {
          title: t('newest commits since the training'),
          suggestedMax: last.commits,
          format: (value) => (Number.isInteger(value) ? whole(value) : ''),
        },
        y: { title: t('characters saved'), fromZero: true, format: formatShareTick },
        legend: 'lines',
        heading: ({ label }) => label ?? '',
        describe: ({ y }, name) => `${name}: ${shareText(y)}`,
      },
      theme,
    ),
  answer: ({ last: { difference }, isAlone, isUnused: isNot }) => {
    if (!isAlone || isNot) return undefined;
    if (difference.low > 0) return t('Yes, more than before.');
    if (difference.high < 0) return t('No: it would have helped less than before.');
    return t('No difference is seen yet.');
  },
  words: ({ last }) =>
    t('Commits: {commits}. Characters saved: {after}, before {before}; difference {difference}.', {
      commits: last.commits,
      after: shareText(last.after),
      before: shareText(last.before),
      difference: formatDifference(last.difference, true),
    }),
  table: ({ points }) => ({
    caption: t('Characters saved in all commits up to each'),
    head: [t('Up to commit'), t('before'), t('with what it learned'), t('difference')],
    rows: points.map((point) => [
      nameOf(point),
      shareText(point.before),
      shareText(point.after),
      formatDifference(point.difference, true),
    ]),
  }),
  atName: 'commit',
  rows: ({ points }) =>
    points.flatMap(({ commit: at, before, after, difference: { value, low, high }, cursors: n }) => [
      { metric: 'characters saved, before', at, value: before, n },
      { metric: 'characters saved', at, value: after, n },
      { metric: 'characters saved, difference', at, value, low, high, n },
    ]),
  warning: ({ isUnused: isNot }) => (isNot ? unused() : undefined),
  note: ({ last }) =>
    t(
      'Each point is of the newest commits up to there, from the fourth on: the share of characters that need not have been typed, at {cursors} places in lines that the training had not read, with the code as it stood before each commit. The difference is {difference} (95% interval; commits: {commits}).',
      {
        cursors: last.cursors,
        commits: last.commits,
        difference: formatDifference(last.difference, true),
      },
    ),
};
