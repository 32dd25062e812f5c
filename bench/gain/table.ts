/** Formats the metrics as text. Pure. */
import { formatDifference, formatDifferenceInterval } from '../../src/text/units.ts';
import { markdownTable } from '../markdown.ts';
import { overRepositories, type Compared, type Gain, type RepositoryMetrics } from './metrics.ts';
import type { Interval } from '../../src/statistics/statistics.ts';
import type { Noise, Spread } from './noise.ts';

const titles = {
  lineExact: 'exact lines',
  charactersSaved: 'characters predicted',
  bitsAtCursors: 'bits per byte at cursors',
  humanevalPass: 'HumanEval pass@1',
  humanevalLoss: 'loss of solutions',
} as const;
const names = Object.keys(titles) as (keyof typeof titles)[];

type Column = readonly [title: string, cell: (repository: RepositoryMetrics) => string];
const columns: readonly Column[] = [
  ['repository', (repository) => named(repository)],
  ['language', ({ language }) => language],
  ['lines', ({ lines }) => String(lines)],
  ...names.map((name): Column => [titles[name], (repository) => change(repository[name])]),
  ['KL', ({ kl }) => (kl === undefined ? '' : kl.toFixed(3))],
  [
    'offered',
    ({ offered, strength }) => (offered ? `yes${strength ? `, at ${strength}` : ''}` : 'no: base kept'),
  ],
  ['steps', ({ steps }) => String(steps)],
  [
    'training + measuring',
    ({ seconds }) => `${minutes(seconds.training)} + ${minutes(seconds.measuring)} min`,
  ],
];

export function tableOf({ perRepository, pooled }: Gain): string {
  const lines = [
    ...runsTable(perRepository),
    ...controlsTable({ perRepository, pooled }),
    '',
    `All ${perRepository.length} together, each repository with equal weight, with 95% intervals:`,
    ...names.flatMap((name) => (pooled[name] ? [`- ${capital(titles[name])}: ${change(pooled[name])}`] : [])),
  ];
  return lines.join('\n');
}

/** The runs of all seeds, and how much their metrics differ. */
export function noiseTable(seeds: readonly RepositoryMetrics[], noise: Noise): string {
  const rows = names.flatMap((name) => {
    const { ownMinusBase, foreignMinusBase, ownMinusForeign } = noise[name] ?? {};
    const parts = {
      'own - base': ownMinusBase,
      'foreign - base': foreignMinusBase,
      'own - foreign': ownMinusForeign,
    };
    return Object.entries(parts).flatMap(([part, spread]) =>
      spread ? [[titles[name], part, ...spreadCells(spread, formatDifference)]] : [],
    );
  });
  if (noise.kl) rows.push(['KL', '', ...spreadCells(noise.kl, (value) => value.toFixed(3))]);
  return [
    ...runsTable(seeds),
    '',
    `Over ${seeds.length} seeds, which also choose the files that are held out:`,
    '',
    ...markdownTable(['metric', 'difference', 'mean', 'standard deviation', 'least', 'most'], rows),
  ].join('\n');
}

const spreadCells = (
  { mean, standardDeviation, min, max }: Spread,
  words: (value: number) => string,
): string[] => [words(mean), standardDeviation.toFixed(3), words(min), words(max)];

const runsTable = (all: readonly RepositoryMetrics[]): string[] => [
  ...markdownTable(
    columns.map(([title]) => title),
    all.map((repository) => columns.map(([, cell]) => cell(repository))),
  ),
  ...all.flatMap((repository) =>
    repository.whyNot ? ['', `${named(repository)} offers nothing: ${repository.whyNot}.`] : [],
  ),
];

/** What adapters that did not learn the repository bring at the same places, and what of the gain is its own. */
function controlsTable({ perRepository, pooled }: Gain): string[] {
  const rowsOf = (repository: string, foreigner: string, of: Pick<Gain['pooled'], Name>) =>
    overRepositories.flatMap((name) => {
      const { base, reference, foreign, own, ownMinusReference, ownMinusForeign } = of[name] ?? {};
      const row = (adapter: string, value: number | undefined, difference: Interval | undefined) =>
        value === undefined || !difference
          ? []
          : [
              [
                repository,
                titles[name],
                adapter,
                ...[base, value, own].map((one) => one!.toFixed(3)),
                formatDifferenceInterval(difference),
              ],
            ];
      return [...row('reference', reference, ownMinusReference), ...row(foreigner, foreign, ownMinusForeign)];
    });
  const rows = [
    ...perRepository.flatMap((repository) => rowsOf(named(repository), partner(repository), repository)),
    ...rowsOf('together', 'foreign', pooled),
  ];
  const head = ['repository', 'metric', 'other adapter', 'base', 'with that', 'own', 'own - that'];
  return rows.length === 0 ? [] : ['', ...markdownTable(head, rows)];
}
type Name = (typeof overRepositories)[number];

function partner({ partner: one }: RepositoryMetrics): string {
  if (!one) return '';
  const at = one.strength === undefined ? '' : `, at ${one.strength}`;
  return `${one.name}, ${one.steps} steps${at}${one.chosen ? '' : ' (its run chose none)'}`;
}

/** The metrics of one repository in one line, to show progress. */
export function lineOf(repository: RepositoryMetrics): string {
  const [, language, ...rest] = columns;
  return `${named(repository)} (${language![1](repository)}): ${rest.map(([title, cell]) => `${title} ${cell(repository)}`).join('; ')}`;
}

const named = ({ name, seed }: RepositoryMetrics) => (seed === undefined ? name : `${name}, seed ${seed}`);
const change = (compared: Compared | undefined): string =>
  compared
    ? `${compared.base.toFixed(3)} -> ${compared.own.toFixed(3)}, ${formatDifferenceInterval(compared.ownMinusBase)}`
    : '';
const minutes = (seconds: number) => (seconds / 60).toFixed(1);
const capital = (text: string) => text[0]!.toUpperCase() + text.slice(1);
