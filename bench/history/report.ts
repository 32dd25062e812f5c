/** What each side saved on a history's next commits. Pure. */
import type { Interval } from '../../src/statistics/statistics.ts';
import { metricsOf, savesMore, savesMoreCharacters, type Metrics } from '../felt/metrics.ts';
import type { Person } from '../felt/person.ts';
import type { Replayed } from '../felt/replay.ts';
import { markdownTable } from '../markdown.ts';

/** Who answers. */
export const sides = ['base', 'reference', 'first', 'fresh'] as const;
export type Side = (typeof sides)[number];
/** The hunks of each side, the same in the same order; their path is that of the commit. */
export type Found = Partial<Record<Person, Partial<Record<Side, Replayed[]>>>>;

const compared = [
  ['fresh', 'first'],
  ['fresh', 'base'],
  ['first', 'base'],
  ['reference', 'base'],
] as const satisfies (readonly [Side, Side])[];

interface Differences {
  /** Shares of the characters, and seconds for each 100 characters. */
  characters: Record<string, Interval>;
  seconds: Record<string, Interval>;
}

export interface HistoryReport {
  commits: number;
  persons: Partial<Record<Person, { sides: Partial<Record<Side, Metrics>> } & Differences>>;
}

export function reportOf(found: Found): HistoryReport {
  const [any = []] = Object.values(Object.values(found)[0] ?? {});
  return {
    commits: new Set(any.map(({ path }) => path)).size,
    persons: Object.fromEntries(
      Object.entries(found).map(([person, own]) => [
        person,
        {
          sides: Object.fromEntries(Object.entries(own).map(([side, hunks]) => [side, metricsOf(hunks)])),
          characters: differences(own, savesMoreCharacters),
          seconds: differences(own, savesMore),
        },
      ]),
    ),
  };
}

function differences(
  own: Partial<Record<Side, Replayed[]>>,
  difference: typeof savesMore,
): Record<string, Interval> {
  return Object.fromEntries(
    compared.flatMap(([a, b]) => {
      const name = `${a}Minus${b[0]!.toUpperCase()}${b.slice(1)}`;
      return own[a] && own[b] ? [[name, difference(own[b], own[a])]] : [];
    }),
  );
}

export function textOf({ commits, persons }: HistoryReport): string {
  const lines = [`${commits} commits. Characters are shares of those typed, seconds for each 100 of them.`];
  for (const [person, { sides: own, characters, seconds }] of Object.entries(persons)) {
    const rows = Object.entries(own).map(([side, { charactersSaved, secondsSaved, shown, right, kept }]) =>
      [side, charactersSaved, secondsSaved, shown, right, kept].map(String),
    );
    lines.push(
      '',
      ...markdownTable([`takes ${person}`, 'characters', 'seconds', 'shown', 'right', 'kept'], rows),
      '',
      ...Object.keys(characters).map(
        (name) => `${name}: characters ${inWords(characters[name]!)}, seconds ${inWords(seconds[name]!)}`,
      ),
    );
  }
  return lines.join('\n');
}

const inWords = ({ value, low, high }: Interval) => `${value} [${low}, ${high}]`;
