/** Detects a run that diverges. Its state is plain numbers, so that a checkpoint can store it. */
import { z } from 'zod';
import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';

/** Number of recent steps that a loss is compared with. */
const WINDOW = 32;
/** With fewer steps, the usual values are unknown. */
const MIN_STEPS = 8;
/** Steps needed for `ceiling`: fewer may all have had easy data. */
const MIN_CEILING_STEPS = 24;
/** A loss this many deviations (1.4826 MAD) above the median is unusual. */
const DEVIATIONS = 6;
/** A rise up to this many nats is never unusual, even if the loss hardly varies. */
const MIN_RISE = 1;
/** The loss must not creep up by more than this above the run's lowest level, in nats. */
const MAX_DRIFT = 2;
/** Losses this far above a uniform guess (ln V) mean that the model is broken, not only that the data is hard. */
const ABOVE_UNIFORM = 3;
/** One unusual step may be the fault of its data; this many in a row are not. */
export const PATIENCE = 3;
/** A gradient this many times larger than usual has no useful direction, even after clipping. */
const HUGE_GRADIENT = 100;
/** A zero gradient with a loss above this means that the weights are saturated. */
const MIN_LOSS_WITHOUT_GRADIENT = 0.1;

export const watchStateSchema = z.object({
  /** Losses of the last usual steps, oldest first. */
  losses: z.array(z.number()).default([]),
  norms: z.array(z.number()).default([]),
  /** Losses above this have drifted up too far from the run's lowest level. */
  ceiling: z.number().optional(),
  /** Number of unusual steps in a row. */
  bad: z.int().default(0),
});
export type WatchState = z.infer<typeof watchStateSchema>;

export class DivergenceWatch {
  state: WatchState = { losses: [], norms: [], bad: 0 };

  constructor(private readonly vocabularySize: number) {}

  /** Checks a step before its update is made. Returns why training must not continue, or undefined. */
  check(loss: number, gradientNorm: number): Text | undefined {
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
      return msg`the loss or its gradient is no longer a number`;
    const { losses, norms } = this.state;
    const usualNorm = norms.length < MIN_STEPS ? Infinity : median(norms);
    if (usualNorm > 0 && gradientNorm > HUGE_GRADIENT * usualNorm)
      return msg`the gradient's norm leapt from about ${usualNorm.toPrecision(2)} to ${gradientNorm.toPrecision(2)}`;
    const isSaturated = gradientNorm === 0 && loss > MIN_LOSS_WITHOUT_GRADIENT;
    if (!isSaturated && loss <= this.usualLimit()) {
      this.remember(loss, gradientNorm);
      return undefined;
    }
    const badSteps = this.state.bad + 1;
    this.state = { ...this.state, bad: badSteps };
    if (badSteps < PATIENCE) return undefined;
    if (isSaturated) return msg`the gradient has vanished`;
    const now = loss.toFixed(2);
    if (losses.length < MIN_STEPS) return msg`the loss stayed at ${now}`;
    const before = median(losses).toFixed(2);
    return msg`the loss stayed at ${now}, up from about ${before}`;
  }

  private remember(loss: number, gradientNorm: number): void {
    const losses = [...this.state.losses, loss].slice(-WINDOW);
    const norms = [...this.state.norms, gradientNorm].slice(-WINDOW);
    const level = losses.length < MIN_CEILING_STEPS ? Infinity : upperLimit(losses, MAX_DRIFT);
    const ceiling = Math.min(this.state.ceiling ?? Infinity, level);
    this.state = { losses, norms, bad: 0, ...(ceiling < Infinity && { ceiling }) };
  }

  /** The highest loss that counts as usual. */
  private usualLimit(): number {
    const { losses, ceiling = Infinity } = this.state;
    const brokenLoss = Math.log(this.vocabularySize) + ABOVE_UNIFORM;
    return Math.min(brokenLoss, ceiling, losses.length < MIN_STEPS ? Infinity : upperLimit(losses, MIN_RISE));
  }
}

/** The loss above which a step is unusual after `losses`; a rise by `least` is always usual. */
function upperLimit(losses: readonly number[], least: number): number {
  const middle = median(losses);
  const deviation = 1.4826 * median(losses.map((loss) => Math.abs(loss - middle)));
  return middle + Math.max(least, DEVIATIONS * deviation);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `message` has no full stop, because the caller adds which checkpoint is kept. */
export const diverged = (step: number, why: Text) =>
  new UserError(
    'diverged',
    msg`Training diverged at step ${step}: ${why}`,
    msg`Train again with a lower --lr (a third of this one is a good next try).`,
  );
