/** Noticing a run that has left the road. What is remembered is plain numbers, so that a checkpoint can hold it. */
import { z } from 'zod';
import { UserError } from '../protocol/errors.ts';

/** Steps that a spike is measured against. */
const WINDOW = 32;
/** Fewer say nothing about what is usual. */
const ENOUGH = 8;
/** Fewer may all have been easy ones. */
const PLENTY = 24;
/** A loss this many deviations (1.4826 MAD) above the median is no longer usual. */
const DEVIATIONS = 6;
/** Yet a loss that hardly varies may rise by this much, in nats. */
const LEAST_RISE = 1;
/** A loss may not creep up further than this above the lowest level of the run, in nats. */
const LEAST_DRIFT = 2;
/** Losses this far above a uniform guess (ln V) mean that the model is broken, not merely surprised. */
const ABOVE_UNIFORM = 3;
/** One strange batch is none of the model's doing; so many in a row are. */
export const PATIENCE = 3;
/** A single gradient so many times larger than usual points nowhere useful, however it is clipped. */
const HUGE_GRADIENT = 100;
/** A gradient that is gone while there is loss left: the weights have run into saturation. */
const LOSS_LEFT = 0.1;

export const watchStateSchema = z.object({
  /** Of the last steps that were usual, oldest first. */
  losses: z.array(z.number()).default([]),
  norms: z.array(z.number()).default([]),
  /** The lowest loss so far that would have been a drift away from where the run had come. */
  ceiling: z.number().optional(),
  /** Unusual steps in a row up to now. */
  bad: z.int().default(0),
});
export type WatchState = z.infer<typeof watchStateSchema>;

export class DivergenceWatch {
  state: WatchState = { losses: [], norms: [], bad: 0 };

  constructor(private readonly vocabularySize: number) {}

  /** Looks at a step before its update is made. Returns why training must not go on, or undefined. */
  check(loss: number, gradientNorm: number): string | undefined {
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
      return 'the loss or its gradient is no longer a number';
    const { losses, norms } = this.state;
    const usualNorm = norms.length < ENOUGH ? Infinity : median(norms);
    if (usualNorm > 0 && gradientNorm > HUGE_GRADIENT * usualNorm)
      return `the gradient's norm leapt from about ${usualNorm.toPrecision(2)} to ${gradientNorm.toPrecision(2)}`;
    const dead = gradientNorm === 0 && loss > LOSS_LEFT;
    if (!dead && loss <= this.bound()) {
      this.remember(loss, gradientNorm);
      return undefined;
    }
    const bad = this.state.bad + 1;
    this.state = { ...this.state, bad };
    if (bad < PATIENCE) return undefined;
    if (dead) return 'there is no gradient left';
    const before = losses.length < ENOUGH ? '' : `, up from about ${median(losses).toFixed(2)}`;
    return `the loss stayed at ${loss.toFixed(2)}${before}`;
  }

  private remember(loss: number, gradientNorm: number): void {
    const losses = [...this.state.losses, loss].slice(-WINDOW);
    const norms = [...this.state.norms, gradientNorm].slice(-WINDOW);
    const level = losses.length < PLENTY ? Infinity : above(losses, LEAST_DRIFT);
    const ceiling = Math.min(this.state.ceiling ?? Infinity, level);
    this.state = { losses, norms, bad: 0, ...(ceiling < Infinity && { ceiling }) };
  }

  /** The highest loss that is still usual. */
  private bound(): number {
    const { losses, ceiling = Infinity } = this.state;
    const broken = Math.log(this.vocabularySize) + ABOVE_UNIFORM;
    return Math.min(broken, ceiling, losses.length < ENOUGH ? Infinity : above(losses, LEAST_RISE));
  }
}

/** What is no longer usual after `losses`, which may rise by `least` in any case. */
function above(losses: readonly number[], least: number): number {
  const middle = median(losses);
  const deviation = 1.4826 * median(losses.map((loss) => Math.abs(loss - middle)));
  return middle + Math.max(least, DEVIATIONS * deviation);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `message` lacks its full stop: whoever knows the checkpoints adds which one is kept. */
export const diverged = (step: number, why: string) =>
  new UserError(
    'diverged',
    `Training diverged at step ${step}: ${why}`,
    'Train again with a lower --lr (a third of this one is a good next try).',
  );
