/**
 * The training loop: a pure function of (hyper-parameters, tokens, seed, step). It knows tensors through Model
 * and Optimizer only and nothing of files; what happens at an interval is its caller's.
 */
import { sequenceAt } from '../corpus/packing.ts';
import type { Model } from '../model/index.ts';
import { UserError } from '../protocol/errors.ts';
import type { Hyper } from '../protocol/run.ts';
import type { Optimizer } from './optimizers.ts';
import { learningRateAt } from './schedule.ts';

export interface StepReport {
  step: number;
  /** Mean over the step's predicted tokens, nats. */
  loss: number;
  learningRate: number;
  /** Before clipping. */
  gradientNorm: number;
  tokens: number;
  seconds: number;
}

export interface LoopOptions {
  hyper: Hyper;
  model: Model;
  optimizer: Optimizer;
  /** The corpus's training tokens. */
  tokens: Int32Array;
  /** Steps already done: 0, or where a checkpoint was taken. */
  from: number;
  signal: AbortSignal;
  onStep(report: StepReport): Promise<void>;
}

/** Runs to `hyper.steps`, or to the end of the step in which `signal` fires. Returns the last step done. */
export async function runLoop(options: LoopOptions): Promise<number> {
  const { hyper, from, signal, onStep } = options;
  const watch = new DivergenceWatch(options.model.config.vocabularySize);
  for (let step = from + 1; step <= hyper.steps; step += 1) {
    if (signal.aborted) return step - 1;
    const started = performance.now();
    const { loss, tokens } = await accumulateStep(options, step);
    const gradientNorm = await options.model.gradientNorm();
    // Checked before the update, so that what is in memory is still the last good state.
    watch.check(step, loss, gradientNorm);
    const learningRate = learningRateAt(step, hyper);
    const gradientScale = hyper.clip && gradientNorm > hyper.clip ? hyper.clip / gradientNorm : 1;
    options.optimizer.step({ learningRate, gradientScale });
    options.model.zeroGradients();
    const seconds = (performance.now() - started) / 1000;
    await onStep({ step, loss, learningRate, gradientNorm, tokens, seconds });
  }
  return hyper.steps;
}

/** Gradients of one optimiser step: the mean over the tokens of all its micro-batches. */
async function accumulateStep(
  { hyper, model, tokens }: LoopOptions,
  step: number,
): Promise<{ loss: number; tokens: number }> {
  let lossSum = 0;
  let count = 0;
  for (let micro = 0; micro < hyper.accumulate; micro += 1) {
    const index = ((step - 1) * hyper.accumulate + micro) * hyper.batch;
    const rows = Array.from({ length: hyper.batch }, (_, row) =>
      sequenceAt(tokens, hyper.sequenceLength, hyper.seed, index + row),
    );
    const length = rows[0]!.length - 1;
    const batch = new Int32Array(rows.length * (length + 1));
    rows.forEach((row, r) => batch.set(row, r * (length + 1)));
    const lossWeight = 1 / (hyper.accumulate * hyper.batch * length);
    const result = await model.accumulate(
      { tokens: batch, rows: rows.length, length },
      { seed: [hyper.seed, index], train: true, lossWeight },
    );
    lossSum += result.lossSum;
    count += result.tokens;
  }
  return { loss: lossSum / count, tokens: count };
}

/** A gradient that is gone while there is loss left: the weights have run into saturation. */
const LOSS_LEFT = 0.1;
/** Losses this far above a uniform guess (ln V) mean that the model is broken, not merely surprised. */
const ABOVE_UNIFORM = 3;
const PATIENCE = 3;

/** Notices a run that has left the road. Throws `diverged` before the bad update is made. */
class DivergenceWatch {
  private bad = 0;
  constructor(private readonly vocabularySize: number) {}

  check(step: number, loss: number, gradientNorm: number): void {
    const dead = gradientNorm === 0 && loss > LOSS_LEFT;
    const broken = dead || loss > Math.log(this.vocabularySize) + ABOVE_UNIFORM;
    this.bad = broken ? this.bad + 1 : 0;
    const finite = Number.isFinite(loss) && Number.isFinite(gradientNorm);
    if (finite && this.bad < PATIENCE) return;
    const why = !finite
      ? 'the loss or its gradient is no longer a number'
      : dead
        ? 'there is no gradient left'
        : `the loss stayed above ${loss.toFixed(1)}`;
    throw diverged(step, why);
  }
}

/** `message` lacks its full stop: whoever knows the checkpoints adds which one is kept. */
export const diverged = (step: number, why: string) =>
  new UserError(
    'diverged',
    `Training diverged at step ${step}: ${why}`,
    'Train again with a lower --lr (a third of this one is a good next try).',
  );
