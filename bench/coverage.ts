/**
 * How often 95% intervals contain the true value, at the n of `quick` (settings: bench/coverage/settings.ts), and how
 * wide they are compared with the product's. No model is needed.
 *
 *     npm run bench:coverage                       # a few minutes
 *     npm run bench:coverage -- --draws 500 held   # only groups whose name contains the word
 */
import { parseArgs } from 'node:util';
import { stratifiedIntervals } from '../src/statistics/intervals.ts';
import { bca, bootstrapT, percentileBootstrap } from './coverage/bootstraps.ts';
import { measureCoverage, type Method } from './coverage/measure.ts';
import { groups } from './coverage/settings.ts';

/** A draw of the forgetting average takes as long as three times a hundred questions, so fewer are drawn. */
const SHARE_OF_TASKS = 0.25;

const methods: Record<string, Method> = {
  percentile: percentileBootstrap,
  BCa: bca,
  'bootstrap-t': bootstrapT,
  ours: (pairs, { kind, of }) => stratifiedIntervals(pairs, kind)[of],
};

export function main(args: string[]): void {
  const { values, positionals } = parseArgs({
    args,
    options: { draws: { type: 'string', default: '4000' }, json: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const names = Object.keys(methods);
  if (!values.json) {
    console.log(`| figure | ${names.join(' | ')} |\n|${' --- |'.repeat(names.length + 1)}`);
  }
  for (const group of groups) {
    const { name } = group.settings[0]!;
    if (!positionals.every((word) => name.includes(word))) continue;
    const draws = Number(values.draws) * (name.startsWith('forgetting') ? SHARE_OF_TASKS : 1);
    const found = measureCoverage(group, Object.values(methods), draws);
    if (values.json) {
      console.log(JSON.stringify({ name, ...Object.fromEntries(names.map((one, i) => [one, found[i]])) }));
      continue;
    }
    const width = found.at(-1)!.width;
    const cells = found.map(
      (one) =>
        `${percent(one.covered)}%${group.settings.length > 1 ? ` (${percent(one.least)})` : ''}, ${(one.width / width).toFixed(2)}`,
    );
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

const percent = (share: number) => (100 * share).toFixed(1);
