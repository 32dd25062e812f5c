/**
 * How many follow-up edits next edit finds: `npm run bench:next-edit -- [--history FOLDER ...] [--json] [--commits 200]
 * [--examples] [--tuning]`.
 *
 * A simulated user makes the first change; offers made then and after each further change are accepted if right and
 * rejected otherwise. Without `--history`, no git host is contacted, so instead of commits this uses the changes of a
 * file from one release to the next (`next-edit/releases.ts`), from top to bottom, half of them from each repository,
 * oldest first. With it, the newest commits of these clones are made (`next-edit/history.ts`, `order.ts`). What changed
 * in only one place has no follow-up edits and is skipped. `--tuning` uses the packages that limits were
 * chosen on.
 */
import { parseArgs } from 'node:util';
import { fetchRepository } from './gain/fetch.ts';
import { markdownTable } from './markdown.ts';
import { packageOf, releases, tuning, type Releases } from './next-edit/releases.ts';
import type { FileStep } from './next-edit/file-text.ts';
import { historyTable, kindTable, measureHistories, shareText, totalOf } from './next-edit/histories.ts';
import { walk, type Commit, type Walked } from './next-edit/simulate.ts';
import { stepsBetween } from './next-edit/steps.ts';

const options = {
  /** Clones whose newest commits are made again. */
  history: { type: 'string', multiple: true, default: [] as string[] },
  json: { type: 'boolean', default: false },
  commits: { type: 'string', default: '200' },
  examples: { type: 'boolean', default: false },
  tuning: { type: 'boolean', default: false },
} as const;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  if (values.history.length === 0) return measure(values);
  const found = measureHistories(values.history, {
    each: Math.ceil(Number(values.commits) / values.history.length),
    onExample: values.examples ? (text) => process.stderr.write(`${text}\n\n`) : undefined,
  });
  console.log(
    values.json ? JSON.stringify(found.total) : [...historyTable(found), '', ...kindTable(found)].join('\n'),
  );
}

interface Values {
  json: boolean;
  commits: string;
  examples: boolean;
  tuning: boolean;
}

async function measure(values: Values): Promise<void> {
  const chosen = values.tuning ? tuning : releases;
  const each = Math.ceil(Number(values.commits) / chosen.length);
  const results: Result[] = [];
  for (const repository of chosen) {
    const steps = await stepsOf(repository, each);
    const walked: Walked[] = [];
    for (const step of steps) {
      const made = walk(fromTopToBottom(step));
      walked.push(made);
      if (values.examples) for (const text of made.examples) console.log(`${text}\n`);
      process.stderr.write(`\r${repository.name}: ${walked.length} of ${steps.length} `);
    }
    results.push(resultOf(repository, walked));
  }
  process.stderr.write('\n');
  console.log(values.json ? JSON.stringify(results) : tableOf(results).join('\n'));
}

const fromTopToBottom = (step: FileStep): Commit => ({
  files: [step],
  order: step.hunks.map((_, hunk) => ({ file: 0, hunk })),
  others: [],
});

/** The first steps of a repository. */
async function stepsOf(repository: Releases, most: number): Promise<FileStep[]> {
  const signal = new AbortController().signal;
  const tell = (text: string) => process.stderr.write(`${text}\n`);
  const fetched = (at: number) =>
    fetchRepository(packageOf(repository, repository.versions[at]!), { signal, tell });
  const steps: FileStep[] = [];
  for (let at = 1; at < repository.versions.length && steps.length < most; at += 1)
    steps.push(...(await stepsBetween(await fetched(at - 1), await fetched(at), repository.files)));
  return steps.slice(0, most);
}

type Counts = Record<string, number>;

interface Result {
  repository: string;
  language: string;
  commits: number;
  following: number;
  found: number;
  exact: number;
  /** Counts by the reason of the offer. */
  right: Counts;
  otherText: Counts;
  elsewhere: Counts;
}

function resultOf({ name, language }: Releases, walked: readonly Walked[]): Result {
  const sum = (of: (walk: Walked) => number) => walked.reduce((total, walk) => total + of(walk), 0);
  const together = (of: (walk: Walked) => Counts) => {
    const counts: Counts = {};
    for (const walk of walked)
      for (const [why, n] of Object.entries(of(walk))) counts[why] = (counts[why] ?? 0) + n;
    return counts;
  };
  return {
    repository: name,
    language,
    commits: walked.length,
    following: sum((walk) => walk.following),
    found: sum((walk) => walk.found),
    exact: sum((walk) => walk.exact),
    right: together((walk) => walk.right),
    otherText: together((walk) => walk.otherText),
    elsewhere: together((walk) => walk.elsewhere),
  };
}

function tableOf(results: readonly Result[]): string[] {
  const rows = results.map((result) => {
    const wrong = totalOf(result.otherText) + totalOf(result.elsewhere);
    return [
      `${result.repository} (${result.language})`,
      String(result.commits),
      shareText(result.found, result.following),
      shareText(result.exact, result.following),
      String(totalOf(result.right)),
      String(totalOf(result.otherText)),
      String(totalOf(result.elsewhere)),
      (wrong / Math.max(1, result.found)).toFixed(2),
    ];
  });
  const whys = [
    ...new Set(
      results.flatMap((result) => [result.right, result.otherText, result.elsewhere].flatMap(Object.keys)),
    ),
  ];
  const count = (why: string, of: (result: Result) => Counts) =>
    String(results.reduce((sum, result) => sum + (of(result)[why] ?? 0), 0));
  return [
    'What changed in a file from one release to the next; not commits.',
    '',
    ...markdownTable(
      [
        'repository',
        'files',
        'found',
        'exact',
        'right',
        'other text',
        'elsewhere',
        'wrong offers for each found',
      ],
      rows,
    ),
    '',
    ...markdownTable(
      ['offers made of', 'right', 'other text', 'elsewhere'],
      whys
        .sort()
        .map((why) => [
          why,
          count(why, (result) => result.right),
          count(why, (result) => result.otherText),
          count(why, (result) => result.elsewhere),
        ]),
    ),
  ];
}
