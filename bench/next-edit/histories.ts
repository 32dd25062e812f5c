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

export interface Measured {
  /** The changes after the first of each commit. */
  edits: number;
  /** By what makes offers. */
  sides: Readonly<Record<string, Counts>>;
}

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
      process.stderr.write(`\r${folder}: ${commits} of ${each} `);
    }
    repositories.push({ name: folder, commits, newest, measured: measuredOf(walked) });
  }
  process.stderr.write('\n');
  return { repositories, total: added(repositories.map(({ measured }) => measured)) };
}

const sumOf = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((total, item) => total + of(item), 0);
const count = (counts: Readonly<Record<string, number>>) => sumOf(Object.values(counts), (n) => n);

function measuredOf(walked: Readonly<Record<string, readonly Walked[]>>): Measured {
  const [any = []] = Object.values(walked);
  const countsOf = (all: readonly Walked[]): Counts => ({
    found: sumOf(all, ({ found }) => found),
    right: sumOf(all, ({ right }) => count(right)),
    wrong: sumOf(all, ({ otherText, elsewhere }) => count(otherText) + count(elsewhere)),
    reversed: sumOf(all, ({ reversed }) => reversed),
  });
  const sides = Object.fromEntries(Object.entries(walked).map(([side, all]) => [side, countsOf(all)]));
  return { edits: sumOf(any, ({ following }) => following), sides };
}

function added(all: readonly Measured[]): Measured {
  const sideOf = (side: string): Counts => {
    const sum = (of: (counts: Counts) => number) =>
      sumOf(all, ({ sides }) => (sides[side] ? of(sides[side]) : 0));
    return {
      found: sum(({ found }) => found),
      right: sum(({ right }) => right),
      wrong: sum(({ wrong }) => wrong),
      reversed: sum(({ reversed }) => reversed),
    };
  };
  const names = new Set(all.flatMap(({ sides }) => Object.keys(sides)));
  return {
    edits: sumOf(all, ({ edits }) => edits),
    sides: Object.fromEntries([...names].map((side) => [side, sideOf(side)])),
  };
}

export function historyTable({ repositories, total }: Histories): string[] {
  const share = (n: number, of: number) => {
    const { low, high } = proportionInterval(n, of);
    const percent = (value: number) => (100 * value).toFixed(1);
    return of === 0 ? '' : `${n} of ${of}: ${percent(n / of)}% (${percent(low)} to ${percent(high)})`;
  };
  const rowsOf = (name: string, commits: string, { edits, sides }: Measured) =>
    Object.entries(sides).map(([side, { found, right, wrong, reversed }]) => [
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
