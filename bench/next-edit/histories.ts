/** Makes the commits of clones, by the rules alone and with a model, and counts what was offered. */
import { proportionInterval } from '../../src/statistics/proportion.ts';
import { markdownTable } from '../markdown.ts';
import { History } from './history.ts';
import { walk, type AskModel, type Walked } from './simulate.ts';

export interface Counts {
  /** Changes before which something was offered at their place. */
  found: number;
  /** Offers, by what became of them. */
  right: number;
  wrong: number;
  /** Offers that would have undone what the user had done, of these two. */
  reversed: number;
}

/** `edits`: the changes after the first of each commit; then the counts of each side. */
export type Measured = { edits: number } & Record<string, number | Counts>;

export interface Histories {
  repositories: { name: string; commits: number; newest: string; measured: Measured }[];
  total: Measured;
}

/** `sides`: what makes offers besides the rules, by name. */
export async function measureHistories(
  folders: readonly string[],
  sides: Readonly<Record<string, AskModel | undefined>>,
  { each, onExample }: { each: number; onExample: ((text: string) => void) | undefined },
): Promise<Histories> {
  const repositories: Histories['repositories'] = [];
  for (const folder of folders) {
    const history = new History(folder);
    const walked: Record<string, Walked[]> = {};
    let commits = 0;
    let newest = '';
    for (const commit of history.commits(each)) {
      newest ||= commit.id.slice(0, 9);
      commits += 1;
      for (const [side, ask] of Object.entries(sides)) {
        const made = await walk(commit, ask);
        (walked[side] ??= []).push(made);
        for (const text of made.examples) onExample?.(`${side} ${commit.id.slice(0, 9)} ${text}`);
      }
      process.stderr.write(`\r${history.name}: ${commits} of ${each} `);
    }
    repositories.push({ name: history.name, commits, newest, measured: measuredOf(walked) });
  }
  process.stderr.write('\n');
  return { repositories, total: added(repositories.map(({ measured }) => measured)) };
}

function measuredOf(walked: Readonly<Record<string, readonly Walked[]>>): Measured {
  const sum = (all: readonly Walked[], of: (one: Walked) => number) =>
    all.reduce((total, one) => total + of(one), 0);
  const count = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((total, n) => total + n, 0);
  const [any = []] = Object.values(walked);
  const sides = Object.entries(walked).map(([side, all]) => [
    side,
    {
      found: sum(all, ({ found }) => found),
      right: sum(all, ({ right }) => count(right)),
      wrong: sum(all, ({ otherText, elsewhere }) => count(otherText) + count(elsewhere)),
      reversed: sum(all, ({ reversed }) => reversed),
    } satisfies Counts,
  ]);
  return { edits: sum(any, ({ following }) => following), ...Object.fromEntries(sides) } as Measured;
}

function added(all: readonly Measured[]): Measured {
  const [first = { edits: 0 }] = all;
  return Object.fromEntries(
    Object.keys(first).map((key) => {
      const values = all.map((one) => one[key]!);
      const sum = (of: (value: number | Counts) => number) =>
        values.reduce<number>((total, value) => total + of(value), 0);
      if (key === 'edits') return [key, sum(Number)];
      const field = (name: keyof Counts) => sum((value) => (value as Counts)[name]);
      return [
        key,
        { found: field('found'), right: field('right'), wrong: field('wrong'), reversed: field('reversed') },
      ];
    }),
  ) as Measured;
}

export function historyTable({ repositories, total }: Histories): string[] {
  const share = (n: number, of: number) => {
    const { low, high } = proportionInterval(n, of);
    const percent = (value: number) => (100 * value).toFixed(1);
    return of === 0 ? '' : `${n} of ${of}: ${percent(n / of)}% (${percent(low)} to ${percent(high)})`;
  };
  const rowsOf = (name: string, commits: string, { edits, ...sides }: Measured) =>
    Object.entries(sides as Record<string, Counts>).map(([side, { found, right, wrong, reversed }]) => [
      ...[name, commits, side, share(found, edits), share(right, right + wrong), String(reversed)],
    ]);
  return markdownTable(
    ['repository', 'commits', 'offers by', 'edits found', 'offers right', 'reversed'],
    [
      ...repositories.flatMap(({ name, commits, newest, measured }) =>
        rowsOf(name, `${commits} up to ${newest}`, measured),
      ),
      ...(repositories.length > 1 ? rowsOf('together', '', total) : []),
    ],
  );
}
