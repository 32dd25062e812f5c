/** Formats the figures as text. Pure functions. */
import { formatDifferenceInterval } from '../../src/protocol/units.ts';
import { markdownTable } from '../markdown.ts';
import type { Change, Difference, Gain, RepositoryFigures } from './figures.ts';

const columns: readonly [string, (one: RepositoryFigures) => string][] = [
  ['repository', ({ name }) => name],
  ['language', ({ language }) => language],
  ['cursors', ({ cursors }) => String(cursors)],
  ['exact lines', ({ lineExact }) => change(lineExact)],
  ['characters saved', ({ charactersSaved }) => change(charactersSaved)],
  ['bits per byte', ({ bitsPerByte }) => change(bitsPerByte)],
  ['HumanEval pass@1', ({ humanevalPass }) => change(humanevalPass)],
  ['loss of solutions', ({ humanevalLoss }) => change(humanevalLoss)],
  ['KL', ({ kl }) => (kl === undefined ? '' : kl.toFixed(3))],
  [
    'offered',
    ({ offered, strength }) => (offered ? `yes${strength ? `, at ${strength}` : ''}` : 'no: base kept'),
  ],
  [
    'training + measuring',
    ({ seconds }) => `${minutes(seconds.training)} + ${minutes(seconds.measuring)} min`,
  ],
];

const pooledNames = [
  ['lineExact', 'Exact lines'],
  ['charactersSaved', 'Characters saved'],
  ['bitsPerByte', 'Bits per byte'],
  ['humanevalPass', 'HumanEval pass@1'],
  ['humanevalLoss', 'Loss of solutions'],
] as const;

export function tableOf({ perRepository, pooled }: Gain): string {
  const lines = [
    ...markdownTable(
      columns.map(([title]) => title),
      perRepository.map((one) => columns.map(([, cell]) => cell(one))),
    ),
    ...perRepository.flatMap(({ name, whyNot }) =>
      whyNot ? ['', `${name} offers nothing: ${whyNot}.`] : [],
    ),
    '',
    `All ${perRepository.length} together, each repository with equal weight, with 95% intervals:`,
    ...pooledNames.flatMap(([name, title]) =>
      pooled[name] ? [`- ${title}: ${difference(pooled[name])}`] : [],
    ),
  ];
  return lines.join('\n');
}

/** The figures of one repository in one line, to show progress. */
export function lineOf(one: RepositoryFigures): string {
  const [, language, ...rest] = columns;
  return `${one.name} (${language![1](one)}): ${rest.map(([title, cell]) => `${title} ${cell(one)}`).join('; ')}`;
}

const change = (one: Change | undefined): string =>
  one ? `${one.before.toFixed(3)} -> ${one.after.toFixed(3)}, ${difference(one)}` : '';
const difference = ({ difference: value, low, high }: Difference): string =>
  formatDifferenceInterval({ value, low, high });
const minutes = (seconds: number) => (seconds / 60).toFixed(1);
