/**
 * How many follow-up edits next edit finds: `npm run bench:next-edit -- [--history FOLDER ...] [--json] [--commits 200]
 * [--examples] [--tuning] [--model ID|FILE [--adapter FILE] [--asking diff|task] [--all] [--threads N] [--requests N]]`.
 *
 * A simulated user makes the first change; offers made then and after each further change are accepted if right and
 * rejected otherwise. Without `--history`, no git host is contacted, so instead of commits this uses the changes of a
 * file from one release to the next (`next-edit/releases.ts`), from top to bottom, half of them from each repository,
 * oldest first. With it, the newest commits of these clones are made (`next-edit/history.ts`, `order.ts`). What changed
 * in only one place has no follow-up edits and is skipped. With `--model`, a model is asked about places for which the
 * rules have no answer; `--tuning` uses the packages that limits were chosen on.
 */
import { parseArgs } from 'node:util';
import { fetchRepository } from './gain/fetch.ts';
import { markdownTable } from './markdown.ts';
import { openModel } from './next-edit/model.ts';
import { packageOf, releases, tuning, type Releases } from './next-edit/releases.ts';
import type { FileStep } from './next-edit/file-text.ts';
import { historyTable, measureHistories, shareText, totalOf } from './next-edit/histories.ts';
import { walk, type Commit, type JudgedOffer, type Verdict, type Walked } from './next-edit/simulate.ts';
import { stepsBetween } from './next-edit/steps.ts';

const options = {
  /** Clones whose newest commits are made again. */
  history: { type: 'string', multiple: true, default: [] as string[] },
  json: { type: 'boolean', default: false },
  commits: { type: 'string', default: '200' },
  examples: { type: 'boolean', default: false },
  tuning: { type: 'boolean', default: false },
  model: { type: 'string' },
  adapter: { type: 'string' },
  asking: { type: 'string', default: 'diff' },
  all: { type: 'boolean', default: false },
  threads: { type: 'string' },
  /** Maximum number of requests to the model. */
  requests: { type: 'string', default: '1000' },
} as const;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options });
  const asking = values.asking === 'task' ? 'task' : 'diff';
  const { model: base, adapter, all, threads } = values;
  const most = Number(values.requests);
  const model = base ? await openModel({ base, adapter, asking, all, threads, most }) : undefined;
  try {
    if (values.history.length > 0) {
      const sides = { rules: undefined, ...(model && { [adapter ? 'tuned' : 'untuned']: model.ask }) };
      const found = await measureHistories(values.history, sides, {
        each: Math.ceil(Number(values.commits) / values.history.length),
        onExample: values.examples ? (text) => process.stderr.write(`${text}\n\n`) : undefined,
      });
      console.log(
        values.json
          ? JSON.stringify({ edits: found.total.edits, ...found.total.sides })
          : historyTable(found).join('\n'),
      );
    } else await measure(values, model);
  } finally {
    await model?.dispose();
  }
}

type Model = Awaited<ReturnType<typeof openModel>>;
interface Values {
  json: boolean;
  commits: string;
  examples: boolean;
  tuning: boolean;
}

async function measure(values: Values, model: Model | undefined): Promise<void> {
  const chosen = values.tuning ? tuning : releases;
  const each = Math.ceil(Number(values.commits) / chosen.length);
  const results: Result[] = [];
  for (const repository of chosen) {
    const steps = await stepsOf(repository, each);
    const walked: Walked[] = [];
    for (const step of steps) {
      const made = await walk(fromTopToBottom(step), model?.ask);
      walked.push(made);
      if (values.examples) for (const text of made.examples) console.log(`${text}\n`);
      process.stderr.write(`\r${repository.name}: ${walked.length} of ${steps.length} `);
    }
    results.push(resultOf(repository, walked));
  }
  process.stderr.write('\n');
  console.log(values.json ? JSON.stringify(results) : tableOf(results).join('\n'));
  if (!model || values.json) return;
  console.log(`\n${certaintyTable(results.flatMap(({ asked }) => asked)).join('\n')}`);
  console.log(`\n${timesOf(model.times)}`);
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

/** The precision of the model's offers if only those of at least a given likelihood are shown. */
function certaintyTable(asked: readonly JudgedOffer[]): string[] {
  const rows = [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99].map((least) => {
    const shown = asked.filter(({ logprob }) => Math.exp(logprob) >= least);
    const count = (verdict: Verdict) => String(shown.filter((offer) => offer.verdict === verdict).length);
    return [String(least), count('right'), count('otherText'), count('elsewhere')];
  });
  return markdownTable(['offers at least so likely', 'right', 'other text', 'elsewhere'], rows);
}

function timesOf(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  return `${times.length} answers of the model: ${at(0.5)} ms (median), ${at(0.9)} ms (90%).`;
}

type Counts = Record<string, number>;

interface Result {
  repository: string;
  language: string;
  commits: number;
  following: number;
  requests: number;
  /** The model's offers. */
  asked: JudgedOffer[];
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
    requests: sum((walk) => walk.requests),
    asked: walked.flatMap(({ asked }) => asked),
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
