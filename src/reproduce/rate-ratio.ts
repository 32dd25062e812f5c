/**
 * The best learning rate of each method in the sweeps, and their ratio. For this claim, the sweep is repeated with
 * other seeds near the best rate.
 */
import { resampledInterval } from '../statistics/intervals.ts';
import { mean, ratio } from '../statistics/statistics.ts';
import type { Method } from '../protocol/reproduction.ts';
import type { BaseLine, SweepLine, Trial } from '../protocol/sweep.ts';
import { formatRate } from '../training/learning-rate/choose.ts';
import { listTrials, windowParts } from '../training/sweep/choice.ts';
import type { Judged } from './effects.ts';
import type { Evidence } from './evidence.ts';
import { overSeeds } from './seeds.ts';
import { main } from './stages.ts';

/** What counts as "several times": a half-decade of the grid. */
const SEVERAL = 3;

type FinishedTrial = Trial & { heldOut: number[] };

/** Finished trials of a method, ascending by rate. */
export const finishedTrials = (lines: readonly SweepLine[], method: Method): FinishedTrial[] =>
  listTrials(lines, method)
    .filter((trial): trial is FinishedTrial => !trial.diverged && trial.heldOut !== undefined)
    .sort((a, b) => a.learningRate - b.learningRate);

/** The trials of one seed and their losses by window: first LoRA's, then full fine-tuning's. */
function trialsOf(lines: readonly SweepLine[]) {
  const base = lines.find((line): line is BaseLine => line.type === 'base');
  const [lora, full] = main.map((method) => finishedTrials(lines, method)) as [
    FinishedTrial[],
    FinishedTrial[],
  ];
  if (!base || lora.length < 2 || full.length < 2) return undefined;
  const rows = [...lora, ...full].map(({ heldOut }) => windowParts(base, heldOut));
  const split = (means: readonly number[]) =>
    [means.slice(0, lora.length), means.slice(lora.length)] as const;
  return { lora, full, rows, split };
}
type Trials = NonNullable<ReturnType<typeof trialsOf>>;

export function judgeRates({ sweeps }: Evidence, seeds: readonly number[]): Judged {
  const found = seeds.map((seed) => trialsOf(sweeps[seed]?.lines ?? []));
  const trials = found.filter((trial) => trial !== undefined);
  if (trials.length < found.length)
    return { effects: [], notes: ['A sweep ended before two rates of each method were measured.'] };
  const interval = ratioInterval(trials);
  if (!interval) return { effects: [] };
  const best = trials.map(bestOf);
  const open = best.some(({ edges }) => edges[0] === 'lowest' || edges[1] === 'highest');
  const effect = { name: "LoRA's best rate divided by full's", unit: 'times', ...interval };
  return {
    // If the true ratio may be smaller than the measured one, the effect must not support the claim.
    effects: [open && interval.high > SEVERAL ? effect : { ...effect, above: SEVERAL }],
    notes: [...new Set(best.flatMap(({ notes }) => notes))],
  };
}

/** The geometric mean of the seeds' ratios. */
function ratioInterval(trials: readonly Trials[]) {
  const logsOf = (means: readonly number[]) => {
    let at = 0;
    return trials.map(({ lora, full, rows, split }) => {
      const [ofLora, ofFull] = split(means.slice(at, (at += rows.length)));
      return Math.log(bestRate(lora, ofLora) / bestRate(full, ofFull));
    });
  };
  const rows = trials.flatMap((trial) => trial.rows);
  const items = resampledInterval(rows, (means) => mean(logsOf(means)));
  if (!items) return undefined;
  const { value, low, high, bySeed } = overSeeds(items, logsOf(rows.map(ratio)));
  return {
    value: Math.exp(value),
    low: Math.exp(low),
    high: Math.exp(high),
    ...(bySeed && { bySeed: bySeed.map(Math.exp) }),
  };
}

function bestOf({ lora, full, rows, split }: Trials) {
  const [ofLora, ofFull] = split(rows.map(ratio)).map((means) => means.indexOf(Math.min(...means)));
  const edges = [edgeOf(lora, ofLora!), edgeOf(full, ofFull!)] as const;
  const notes = [
    `Lowest held-out loss: LoRA at ${formatRate(lora[ofLora!]!.learningRate)}, full fine-tuning at ${formatRate(full[ofFull!]!.learningRate)}; between rates of the grid, a parabola is assumed.`,
    ...edges.flatMap((edge, i) =>
      edge
        ? [
            `The best rate of ${['LoRA', 'full fine-tuning'][i]} is the ${edge} that did not diverge, so the true one may lie beyond.`,
          ]
        : [],
    ),
  ];
  return { edges, notes };
}

const edgeOf = (trials: readonly FinishedTrial[], index: number) =>
  index === 0 ? 'lowest' : index === trials.length - 1 ? 'highest' : undefined;

/**
 * The rate with the lowest loss. Inside the grid, the minimum of the parabola (over log rate) through it and its
 * neighbours.
 */
export function bestRate(trials: readonly Pick<Trial, 'learningRate'>[], losses: readonly number[]): number {
  const best = losses.indexOf(Math.min(...losses));
  const at = (index: number) => ({ x: Math.log(trials[index]!.learningRate), y: losses[index]! });
  if (best === 0 || best === losses.length - 1) return trials[best]!.learningRate;
  const [left, middle, right] = [at(best - 1), at(best), at(best + 1)];
  const [a, b] = [middle.x - left.x, middle.x - right.x];
  const [p, q] = [a * (middle.y - right.y), b * (middle.y - left.y)];
  const bend = p - q;
  return bend === 0 ? Math.exp(middle.x) : Math.exp(middle.x - (a * p - b * q) / (2 * bend));
}
