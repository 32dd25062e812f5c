/**
 * The coverage of the product's 95% intervals, at the n of `quick` (settings: bench/coverage/settings.ts). No model is
 * needed.
 *
 *     npm run bench:coverage                       # a few minutes
 *     npm run bench:coverage -- --draws 500 held   # only groups whose name contains this
 *     npm run bench:coverage -- --part outcomes    # how often each of a run's outcomes is said
 *     npm run bench:coverage -- --part rate        # bias of the reported gain from choosing the learning rate by it
 */
import { parseArgs } from 'node:util';
import { outcomes } from '../src/protocol/evaluation.ts';
import { measureCoverage } from './coverage/measure.ts';
import { gains, repositories, sharesOfOutcomes, variations } from './coverage/outcomes.ts';
import { biasOfRate, shapes } from './coverage/rates.ts';
import { groups } from './coverage/settings.ts';
import { markdownTable } from './markdown.ts';

/** The forgetting average has fewer draws, because each takes as long as three times a hundred questions. */
const SHARE_OF_TASKS = 0.25;

export function main(args: string[]): void {
  const { values, positionals } = parseArgs({
    args,
    options: {
      draws: { type: 'string', default: '4000' },
      json: { type: 'boolean', default: false },
      part: { type: 'string', default: 'intervals' },
    },
    allowPositionals: true,
  });
  const draws = Number(values.draws);
  if (values.part === 'outcomes') return printOutcomes(draws, values.json);
  if (values.part === 'rate') return printRates(draws, values.json);
  printIntervals(draws, values.json, positionals);
}

function printIntervals(most: number, json: boolean, words: readonly string[]): void {
  if (!json)
    console.log(
      '| metric | contain the true value | at the worst rate | lie below it |\n| --- | --- | --- | --- |',
    );
  for (const group of groups) {
    const { name } = group.settings[0]!;
    if (!words.every((word) => name.includes(word))) continue;
    const draws = most * (name.startsWith('forgetting') ? SHARE_OF_TASKS : 1);
    const { covered, least, below } = measureCoverage(group, draws);
    if (json) console.log(JSON.stringify({ name, covered, least, below }));
    else console.log(`| ${name} | ${percent(covered)}% | ${percent(least)}% | ${percent(below)}% |`);
  }
}

/** A row for each repository, with the share of each outcome by what was truly gained. */
function printOutcomes(draws: number, json: boolean): void {
  const names = Object.keys(gains) as (keyof typeof gains)[];
  const rows = Object.entries(variations).flatMap(([variation, varying]) =>
    repositories.map((repository) => {
      const { files, places, strengths } = repository;
      const cells = names.map((name) => {
        const shares = sharesOfOutcomes(gains[name], varying, repository, draws);
        if (json)
          console.log(JSON.stringify({ variation, files, places, strengths, gain: gains[name], ...shares }));
        return outcomes.map((outcome) => percent(shares[outcome])).join(' / ');
      });
      return [`${variation}, ${files}, ${places}, ${strengths.length}`, ...cells];
    }),
  );
  const titles = names.map((name) => `${name} (${gains[name]}): ${outcomes.join(' / ')}, %`);
  if (!json)
    console.log(markdownTable(['variation, files, places, strengths compared', ...titles], rows).join('\n'));
}

function printRates(draws: number, json: boolean): void {
  if (!json) console.log(`| rates, gain, variation, files | true gain | reported |\n|${' --- |'.repeat(3)}`);
  for (const varying of [0.4, 0.8])
    for (const gain of [0.02, 0.1])
      for (const [name, shape] of Object.entries(shapes))
        for (const files of [4, 8, 16, 32]) {
          const { truth, reported } = biasOfRate({ gain, shape, files, varying }, draws);
          if (json) console.log(JSON.stringify({ name, gain, varying, files, truth, reported }));
          else
            console.log(
              `| ${name}, ${gain}, ${varying}, ${files} | ${truth.toFixed(4)} | ${off(reported, truth)} |`,
            );
        }
}

/** The bias, absolute and relative to the true value. */
const off = (value: number, truth: number): string => {
  const bias = value - truth;
  const signed = (number: number, digits: number) =>
    `${number < 0 ? '-' : '+'}${Math.abs(number).toFixed(digits)}`;
  return `${signed(bias, 4)}${Math.abs(truth) > 1e-9 ? ` (${signed((100 * bias) / truth, 0)}%)` : ''}`;
};

const percent = (share: number) => (100 * share).toFixed(1);
