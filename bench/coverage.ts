/**
 * The coverage of the product's 95% intervals, at the n of `quick` (settings: bench/coverage/settings.ts). No model is
 * needed.
 *
 *     npm run bench:coverage                       # a few minutes
 *     npm run bench:coverage -- --draws 500 held   # only groups whose name contains this
 *     npm run bench:coverage -- --part choice      # bias of the reported gain from choosing the strength by it
 *     npm run bench:coverage -- --part looks       # how often a second look at more cursors leads to an offer
 *     npm run bench:coverage -- --part rate        # the same from choosing the learning rate
 */
import { parseArgs } from 'node:util';
import { biasOfChoice, gains, variations, type Bias } from './coverage/choice.ts';
import { measureCoverage } from './coverage/measure.ts';
import { looks, offersByLooks } from './coverage/looks.ts';
import { biasOfRate, shapes } from './coverage/rates.ts';
import { groups } from './coverage/settings.ts';

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
  if (values.part === 'choice') return printChoices(draws, values.json);
  if (values.part === 'looks') return printLooks(draws, values.json);
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

/** A row for each true gain, variation between files, and number of files. */
function printChoices(draws: number, json: boolean): void {
  if (!json)
    console.log(
      '| gain, variation, files | offered | seen | true gain | on the cursors that chose: before | after | on others: before | after |\n|' +
        ' --- |'.repeat(8),
    );
  for (const [variation, varying] of Object.entries(variations))
    for (const [gain, result] of Object.entries(gains))
      for (const files of [4, 8, 16, 32]) {
        const found = biasOfChoice({ ...result, ...varying }, files, draws);
        if (json) console.log(JSON.stringify({ gain, variation, files, ...found }));
        else console.log(`| ${gain}, ${variation}, ${files} | ${choiceCells(found).join(' | ')} |`);
      }
}

function choiceCells({ offered, seen, truth, chosenBy, others }: Bias): string[] {
  const cell = (gain: number) => off(gain, truth);
  const cells = [chosenBy, others].flatMap((of) => [of.chosen, of.crossFitted].map(cell));
  return [`${percent(offered)}%`, `${percent(seen)}%`, truth.toFixed(4), ...cells];
}

function printLooks(draws: number, json: boolean): void {
  if (!json)
    console.log(
      `| gain, variation, files | cursors | offered by the first look | by both | true gain | reported |\n|${' --- |'.repeat(6)}`,
    );
  for (const [variation, varying] of Object.entries(variations))
    for (const [gain, result] of Object.entries(gains))
      for (const files of [4, 8, 16, 32])
        for (const { first, second } of looks) {
          const found = offersByLooks({ ...result, ...varying }, { files, first, second }, draws);
          const { truth, reported } = found;
          if (json)
            console.log(JSON.stringify({ gain, variation, files, cursors: { first, second }, ...found }));
          else
            console.log(
              `| ${gain}, ${variation}, ${files} | ${first} + ${second} | ${percent(found.first)}% | ${percent(found.both)}% | ${truth.toFixed(4)} | ${off(reported, truth)} |`,
            );
        }
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
