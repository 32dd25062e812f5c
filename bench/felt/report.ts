/** The benchmark's report. Pure. */
import type { Interval } from '../../src/statistics/statistics.ts';
import { markdownTable } from '../markdown.ts';
import { metricsOf, reachOf, savesMore, type Metrics, type Reach } from './metrics.ts';
import type { Person } from './person.ts';
import type { Replayed } from './replay.ts';

/** The hunks of each side; the same in the same order. */
type Sides = Record<string, readonly Replayed[]>;
export type Found = Partial<Record<Person, Sides>>;

/** Metrics name sides by the model that answers. */
const NAMES: Record<string, string> = { ours: 'base', trained: 'own' };
const nameOf = (side: string) => NAMES[side] ?? side;
const minus = (a: string, b: string) => `${a}Minus${b[0]!.toUpperCase()}${b.slice(1)}`;

/** Seconds saved per 100 characters, by side; differences such as `ownMinusBase` with their intervals. */
type Seconds = Record<string, number | Interval>;

interface Report {
  persons: Partial<Record<Person, Seconds>>;
  metrics: Partial<Record<Person, Record<string, Metrics>>>;
  /** What differences between own and base are detectable. */
  reach: Partial<Record<Person, Reach>>;
  hunks: number;
  files: number;
  characters: number;
}

export function reportOf(found: Found): Report {
  const of = <T>(make: (sides: Sides) => T) =>
    Object.fromEntries(Object.entries(found).map(([person, sides]) => [person, make(sides)]));
  const hunks = Object.values(Object.values(found)[0] ?? {})[0] ?? [];
  return {
    persons: of(secondsOf),
    metrics: of((sides) => mapped(sides, metricsOf)),
    reach: of(({ ours, trained }) => {
      const base = ours && metricsOf(ours).secondsSaved;
      return base && trained ? reachOf(savesMore(ours, trained), base, ours.length) : undefined;
    }),
    hunks: hunks.length,
    files: new Set(hunks.map(({ path }) => path)).size,
    characters: hunks.reduce((total, hunk) => total + hunk.characters, 0),
  };
}

function secondsOf(sides: Sides): Seconds {
  const seconds = mapped(sides, (hunks) => metricsOf(hunks).secondsSaved);
  const differences = [
    ...Object.keys(sides).map((side) => [side, 'ours'] as const),
    ['trained', 'foreign'] as const,
  ].filter(([a, b]) => a !== b && sides[a] && sides[b]);
  return {
    ...seconds,
    ...Object.fromEntries(
      differences.map(([a, b]) => [minus(nameOf(a), nameOf(b)), savesMore(sides[b]!, sides[a]!)]),
    ),
  };
}

const mapped = <T>(sides: Sides, make: (hunks: readonly Replayed[]) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(sides).map(([side, hunks]) => [nameOf(side), make(hunks)]));

export function textOf({ persons, metrics, reach, hunks, files, characters }: Report): string {
  const lines = [
    `${hunks} hunks of ${files} files, ${characters} characters, from the difference between two releases`,
    '(registries have no history of commits). Seconds are for each 100 characters.',
  ];
  for (const [person, seconds] of Object.entries(persons)) {
    const own = metrics[person as Person]!;
    const sides = Object.keys(own);
    const rows = Object.keys(own[sides[0]!]!).map((metric) => [
      metric,
      ...sides.map((side) => String(own[side]![metric as keyof Metrics] ?? '-')),
    ]);
    lines.push('', ...markdownTable([`takes ${person}`, ...sides], rows), '');
    for (const [name, value] of Object.entries(seconds))
      if (typeof value !== 'number') lines.push(`${name}: ${value.value} [${value.low}, ${value.high}]`);
    const shown = reach[person as Person];
    if (shown)
      lines.push(
        `As many hunks show a difference of ${shown.smallest} of what the base saves; ` +
          `a twentieth takes about ${shown.hunksForATwentieth}.`,
      );
  }
  return lines.join('\n');
}
