/** Makes the commits of clones, and counts what was offered. */
import { proportionInterval } from '../../src/statistics/proportion.ts';
import { markdownTable } from '../markdown.ts';
import { History } from './history.ts';
import { walk, type Judged, type Walked } from './simulate.ts';

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
  rules: Counts;
}

export interface Histories {
  repositories: { name: string; commits: number; newest: string; measured: Measured }[];
  total: Measured;
  /** Offers by repository. */
  offers: (readonly Judged[])[];
}

export function measureHistories(
  folders: readonly string[],
  { each, onExample }: { each: number; onExample: ((text: string) => void) | undefined },
): Histories {
  const repositories: Histories['repositories'] = [];
  const all: Walked[] = [];
  const offers: Histories['offers'] = [];
  for (const folder of folders) {
    const history = new History(folder);
    const walked: Walked[] = [];
    let newest = '';
    for (const commit of history.commits(each)) {
      newest ||= commit.id.slice(0, 9);
      walked.push(walk(commit));
      for (const text of walked.at(-1)!.examples) onExample?.(`${commit.id.slice(0, 9)} ${text}`);
      process.stderr.write(`\r${folder}: ${walked.length} of ${each} `);
    }
    all.push(...walked);
    offers.push(walked.flatMap((one) => one.offers));
    repositories.push({ name: folder, commits: walked.length, newest, measured: measuredOf(walked) });
  }
  process.stderr.write('\n');
  return { repositories, total: measuredOf(all), offers };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The sum of counts by reason. */
export const totalOf = (counts: Readonly<Record<string, number>>): number => sum(Object.values(counts));

const measuredOf = (walked: readonly Walked[]): Measured => ({
  edits: sum(walked.map(({ following }) => following)),
  rules: {
    found: sum(walked.map(({ found }) => found)),
    right: sum(walked.map(({ right }) => totalOf(right))),
    wrong: sum(walked.map(({ otherText, elsewhere }) => totalOf(otherText) + totalOf(elsewhere))),
    reversed: sum(walked.map(({ reversed }) => reversed)),
  },
});

/** "3 of 10: 30.0% (10.8 to 60.3)"; empty for none of none. */
export function shareText(n: number, of: number): string {
  const { low, high } = proportionInterval(n, of);
  const percent = (value: number) => (100 * value).toFixed(1);
  return of === 0 ? '' : `${n} of ${of}: ${percent(n / of)}% (${percent(low)} to ${percent(high)})`;
}

/** How many offers of each kind were right, and in how many repositories more were wrong than right. */
export function kindTable({ offers }: Histories): string[] {
  const kindsOf = ({ why, place, accepted, refused }: Judged) => [
    `${why}, ${place}`,
    `of its pattern before: ${Math.min(accepted, 3)} accepted, ${Math.min(refused, 2)} refused`,
  ];
  const kinds = [...new Set(offers.flat().flatMap(kindsOf))].sort();
  return markdownTable(
    ['offers', 'right', 'mostly wrong in'],
    kinds.map((kind) => {
      const own = offers.map((all) => all.filter((offer) => kindsOf(offer).includes(kind)));
      const right = own.map((all) => all.filter(({ verdict }) => verdict === 'right').length);
      const count = own.filter((all) => all.length > 0).length;
      const bad = own.filter((all, index) => 2 * right[index]! < all.length).length;
      return [
        kind,
        shareText(sum(right), sum(own.map((all) => all.length))),
        `${bad} of ${count} repositories`,
      ];
    }),
  );
}

export function historyTable({ repositories, total }: Histories): string[] {
  const rowOf = (name: string, commits: string, { edits, rules }: Measured) => {
    const { found, right, wrong, reversed } = rules;
    return [name, commits, shareText(found, edits), shareText(right, right + wrong), String(reversed)];
  };
  return markdownTable(
    ['repository', 'commits', 'edits found', 'offers right', 'reversed'],
    [
      ...repositories.map(({ name, commits, newest, measured }) =>
        rowOf(name, `${commits} up to ${newest}`, measured),
      ),
      ...(repositories.length > 1 ? [rowOf('together', '', total)] : []),
    ],
  );
}
