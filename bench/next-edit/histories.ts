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
  const all: Record<string, Walked[]> = {};
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
        for (const lists of [walked, all]) (lists[side] ??= []).push(made);
        for (const text of made.examples) onExample?.(`${side} ${commit.id.slice(0, 9)} ${text}`);
      }
      process.stderr.write(`\r${folder}: ${commits} of ${each} `);
    }
    repositories.push({ name: folder, commits, newest, measured: measuredOf(walked) });
  }
  process.stderr.write('\n');
  return { repositories, total: measuredOf(all) };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The sum of counts by reason. */
export const totalOf = (counts: Readonly<Record<string, number>>): number => sum(Object.values(counts));

function measuredOf(walked: Readonly<Record<string, readonly Walked[]>>): Measured {
  const [any = []] = Object.values(walked);
  const countsOf = (all: readonly Walked[]): Counts => ({
    found: sum(all.map(({ found }) => found)),
    right: sum(all.map(({ right }) => totalOf(right))),
    wrong: sum(all.map(({ otherText, elsewhere }) => totalOf(otherText) + totalOf(elsewhere))),
    reversed: sum(all.map(({ reversed }) => reversed)),
  });
  const sides = Object.fromEntries(Object.entries(walked).map(([side, all]) => [side, countsOf(all)]));
  return { edits: sum(any.map(({ following }) => following)), sides };
}

/** "3 of 10: 30.0% (10.8 to 60.3)"; empty for none of none. */
export function shareText(n: number, of: number): string {
  const { low, high } = proportionInterval(n, of);
  const percent = (value: number) => (100 * value).toFixed(1);
  return of === 0 ? '' : `${n} of ${of}: ${percent(n / of)}% (${percent(low)} to ${percent(high)})`;
}

export function historyTable({ repositories, total }: Histories): string[] {
  const rowsOf = (name: string, commits: string, { edits, sides }: Measured) =>
    Object.entries(sides).map(([side, { found, right, wrong, reversed }]) => [
      ...[name, commits, side, shareText(found, edits), shareText(right, right + wrong), String(reversed)],
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
