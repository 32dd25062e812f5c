/**
 * Simulates rules for withdrawing an offer (src/findings/guards.ts): the share of results with a known true loss that
 * each rule withdraws. No model is needed.
 *
 *     node bench/run.mjs guards                 # a minute
 *     node bench/run.mjs guards --draws 500
 */
import { parseArgs } from 'node:util';
import { MARGIN } from '../src/findings/guards.ts';
import { stratifiedIntervals, type MetricKind, type Pair } from '../src/statistics/intervals.ts';
import { uniform } from '../src/statistics/random.ts';
import type { Interval } from '../src/statistics/statistics.ts';
import type { Setting } from './coverage/draws.ts';
import { answers, solutions } from './coverage/settings.ts';

/** Number of problems measured by a run, and in total. */
const [FEW, ALL] = [20, 164];
/**
 * Accuracy of Qwen2.5-Coder-0.5B-Instruct, and share of answers that change either way without a loss
 * (docs/benchmarks.md).
 */
const RIGHT = 0.43;
const CHANGED = 0.16;
const SEED = 20261201;

/** Whether a loss (positive) with this interval leads to a withdrawal. */
type Rule = (loss: Interval) => boolean;
const isShown: Rule = ({ low, value }) => low > 0 && value > MARGIN;
const rules: Record<string, (few: Interval, all: Interval) => boolean> = {
  'shown among 20': (few) => isShown(few),
  'or, later, among all 164': (few, all) => isShown(few) || isShown(all),
  'value beyond the margin, 20': ({ value }) => value > MARGIN,
  'not shown to be within it, 20': ({ high }) => high > MARGIN,
};

interface Metric {
  name: string;
  kind: MetricKind;
  losses: readonly number[];
  draw(loss: number): Setting['draw'];
}

const points: Metric = {
  name: 'pass@1',
  kind: 'answers',
  losses: [0, 0.02, 0.05, 0.1, 0.2],
  draw(loss) {
    const [gained, lost] = [CHANGED / 2 / (1 - RIGHT), (CHANGED / 2 + loss) / RIGHT];
    return answers({
      name: '',
      count: ALL,
      files: undefined,
      of: 'difference',
      right: RIGHT,
      gained,
      lost,
    }).draw;
  },
};
const nats = (noise: number, name: string): Metric => ({
  name: `loss of solutions, nats per token, ${name}`,
  kind: 'amount',
  losses: [-0.025, 0, 0.02, 0.05, 0.1],
  draw: (rise) => solutions('difference', { count: ALL, rise, noise }).draw,
});
/** With 20 solutions, the margin is .044 nats as in bench:coverage, or .022 as in most runs of docs/science.md. */
const metrics = [points, nats(0.1, 'as varied as in bench:coverage'), nats(0.05, 'as in most runs')];

/** The interval of the loss in the first `count` items. */
function lossAmong(count: number, { before, after }: Pair, kind: MetricKind): Interval {
  const pair = { before: before.slice(0, count), after: after.slice(0, count) };
  const { value, low, high } = stratifiedIntervals([pair], kind).difference;
  return kind === 'answers' ? { value: -value, low: -high, high: -low } : { value, low, high };
}

export function main(args: string[]): void {
  const { values } = parseArgs({ args, options: { draws: { type: 'string', default: '4000' } } });
  const draws = Number(values.draws);
  const names = Object.keys(rules);
  console.log(`| metric | true loss | ${names.join(' | ')} |\n|${' --- |'.repeat(names.length + 2)}`);
  for (const { name, kind, losses, draw } of metrics)
    for (const loss of losses) {
      const random = uniform(SEED);
      const drawn = draw(loss);
      const withdrawn = names.map(() => 0);
      for (let i = 0; i < draws; i += 1) {
        const [pair] = drawn(random);
        const [few, all] = [FEW, ALL].map((count) => lossAmong(count, pair!, kind));
        for (const [at, rule] of names.entries()) withdrawn[at]! += Number(rules[rule]!(few!, all!));
      }
      const shares = withdrawn.map((count) => `${((100 * count) / draws).toFixed(1)}%`);
      console.log(`| ${name} | ${loss} | ${shares.join(' | ')} |`);
    }
}
