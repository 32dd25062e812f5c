/** The best learning rate of each method in a sweep, and their ratio. */
import { resampledInterval } from '../statistics/intervals.ts';
import { ratio } from '../statistics/statistics.ts';
import type { Method } from '../protocol/reproduction.ts';
import type { BaseLine, Trial } from '../protocol/sweep.ts';
import { formatRate } from '../training/learning-rate/choose.ts';
import { windowParts } from '../training/sweep/choice.ts';
import type { Judged } from './effects.ts';
import type { Evidence } from './evidence.ts';

/** What counts as "several times": a half-decade of the grid. */
const SEVERAL = 3;

type Ended = Trial & { heldOut: number[] };

/** Finished trials of a method, ascending by rate. */
function trialsOf(sweep: NonNullable<Evidence['sweep']>, method: Method): Ended[] {
  return sweep.lines
    .filter(
      (line): line is Ended =>
        line.type === 'trial' && line.method === method && !line.diverged && line.heldOut !== undefined,
    )
    .sort((a, b) => a.learningRate - b.learningRate);
}

export function judgeRates({ sweep }: Evidence): Judged {
  if (!sweep) return { effects: [] };
  const base = sweep.lines.find((line): line is BaseLine => line.type === 'base');
  const [lora, full] = [trialsOf(sweep, 'lora'), trialsOf(sweep, 'full')];
  if (!base || lora.length < 2 || full.length < 2)
    return { effects: [], notes: ['The sweep ended before two rates of each method were measured.'] };
  const rows = [...lora, ...full].map(({ heldOut }) => windowParts(base, heldOut));
  const split = (figures: readonly number[]) => [figures.slice(0, lora.length), figures.slice(lora.length)];
  const interval = resampledInterval(rows, (figures) => {
    const [ofLora, ofFull] = split(figures);
    return bestRate(lora, ofLora!) / bestRate(full, ofFull!);
  });
  if (!interval) return { effects: [] };
  const [ofLora, ofFull] = split(rows.map(ratio)).map((figures) => figures.indexOf(Math.min(...figures)));
  const edges = [edgeOf(lora, ofLora!), edgeOf(full, ofFull!)] as const;
  const effect = { name: "LoRA's best rate divided by full's", unit: 'times', ...interval };
  const open = edges[0] === 'lowest' || edges[1] === 'highest';
  return {
    // If the true ratio may be smaller than the measured one, the effect must not decide in favour of the claim.
    effects: [open && interval.high > SEVERAL ? effect : { ...effect, above: SEVERAL }],
    notes: [
      `Lowest held-out loss: LoRA at ${formatRate(lora[ofLora!]!.learningRate)}, full fine-tuning at ${formatRate(full[ofFull!]!.learningRate)}; between rates of the grid, a parabola is assumed.`,
      ...edges.flatMap((edge, i) =>
        edge
          ? [
              `The best rate of ${['LoRA', 'full fine-tuning'][i]} is the ${edge} that did not diverge, so the true one may lie beyond.`,
            ]
          : [],
      ),
    ],
  };
}

const edgeOf = (trials: readonly Ended[], index: number) =>
  index === 0 ? 'lowest' : index === trials.length - 1 ? 'highest' : undefined;

/**
 * The rate with the lowest loss. Inside the grid: the minimum of the parabola through it and its neighbours, over log
 * rate.
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
