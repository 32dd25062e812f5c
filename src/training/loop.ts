/**
 * The training loop: a pure function of (hyper-parameters, sequences, seed, step, progress). It uses tensors only
 * through Model and Optimizer, and no files. Its caller decides what happens at intervals and which step it goes back
 * to.
 */
import { z } from 'zod';
import type { SequenceSource } from '../corpus/tokens/sequences.ts';
import type { Model } from '../model/index.ts';
import type { Hyper } from '../protocol/run.ts';
import { microBatches } from './batches.ts';
import { afterGoodStep, afterOverflow, lossScaleFor, lossScaleSchema } from './loss-scale.ts';
import { diverged, DivergenceWatch, watchStateSchema, type WatchState } from './divergence.ts';
import type { Optimizer } from './optimizers.ts';
import { learningRateAt } from './schedule.ts';
import type { Text } from '../text/message.ts';
import { awakeMs } from '../platform/machine/awake.ts';

/** The part of a run's history that later steps depend on. Stored in every checkpoint. */
export const progressSchema = z.object({
  /** Factor for the schedule's rate; each time training goes back, it is halved. */
  rateScale: z.number().default(1),
  /** Number of steps whose data was skipped: step n reads the data of step n + skipped. */
  skipped: z.int().default(0),
  /** How often training went back. */
  rollbacks: z.int().default(0),
  watch: watchStateSchema.prefault({}),
  /** In f16 only. */
  lossScale: lossScaleSchema.optional(),
  /** The run began in f16 and continued in f32, because of an overflow. */
  leftF16: z.boolean().optional(),
});
export type LoopProgress = z.infer<typeof progressSchema>;

/** Having to go back once may be due to bad data; three times means that the rate is too high. */
const MAX_ROLLBACKS = 3;
const SCALE_AFTER_ROLLBACK = 0.5;

export interface StepReport {
  step: number;
  /** Mean loss over the step's learned tokens, in nats. */
  loss: number;
  learningRate: number;
  /** Before clipping. */
  gradientNorm: number;
  /** Number of predictions. */
  tokens: number;
  /** Number of predictions that count; if 0, there was nothing to learn and no update was made. */
  learned: number;
  seconds: number;
  /** In f16: the gradient was not finite, so no update was made, and the loss scale was lowered to this. */
  skippedTo?: number;
  /** To be stored in a checkpoint of this step. */
  progress: LoopProgress;
}

export interface LoopOptions {
  hyper: Hyper;
  /** The number of steps, if it may change during the run; else that of `hyper` is used. */
  length?: { readonly steps: number };
  model: Model;
  optimizer: Optimizer;
  sequences: SequenceSource;
  /** Steps already done: 0, or the step of the restored checkpoint. */
  from: number;
  /** The progress in that checkpoint. */
  progress?: LoopProgress;
  signal: AbortSignal;
  /** Returns why the state after the step is bad, if it is. */
  onStep(report: StepReport): Promise<Text | undefined | void>;
  /**
   * Restores model and optimiser to an earlier step. Returns that step and the progress to continue with (see
   * `afterRollback`); undefined if there is no such step. Without this function, a run that diverges ends.
   */
  rollBack?(
    step: number,
    why: Text,
    progress: LoopProgress,
  ): Promise<{ step: number; progress: LoopProgress } | undefined>;
  /** Called before each step; true ends the training early. */
  isEnough?(): boolean;
}

/**
 * Runs to the last step, until `signal` fires, which abandons the step in progress, or until `isEnough`. Returns the
 * last step done. Throws `diverged` if training can't go back any more.
 */
export async function runLoop(options: LoopOptions): Promise<number> {
  const { from, signal, length = options.hyper } = options;
  const watch = new DivergenceWatch(options.model.config.vocabularySize);
  const { lossScale: known, ...begun } = options.progress ?? progressSchema.parse({});
  const lossScale = begun.leftF16 ? undefined : lossScaleFor(options.hyper.precision, known);
  let progress: LoopProgress = { ...begun, ...(lossScale && { lossScale }) };
  watch.state = progress.watch;
  if (begun.leftF16) options.model.leaveF16();
  for (let step = from + 1; step <= length.steps; step += 1) {
    if (signal.aborted || options.isEnough?.()) return step - 1;
    const done = await trainStep(options, step, progress, watch);
    if (!done) return step - 1;
    const { problem } = done;
    progress = { ...done.progress, watch: watch.state };
    if (!problem) continue;
    const before = await tryRollBack(options, step, problem, progress);
    step = before.step;
    progress = before.progress;
    watch.state = progress.watch;
  }
  return length.steps;
}

/**
 * Returns why the step, or the state after it, is bad, undefined if it is good; and the progress after it. Undefined if
 * it was abandoned.
 */
async function trainStep(
  options: LoopOptions,
  step: number,
  progress: LoopProgress,
  watch: DivergenceWatch,
): Promise<{ problem: Text | undefined; progress: LoopProgress } | undefined> {
  const { hyper, length = hyper, model, optimizer, onStep } = options;
  const started = awakeMs();
  const { scale = 1 } = progress.lossScale ?? {};
  const sums = await accumulateStep(options, step + progress.skipped, scale);
  if (!sums) return undefined;
  const loss = sums.learned ? sums.lossSum / sums.learned : 0;
  const gradientNorm = (await model.gradientNorm()) / scale;
  const overflows = Number.isFinite(loss) && !Number.isFinite(gradientNorm);
  const lower = progress.lossScale && overflows ? afterOverflow(progress.lossScale) : undefined;
  if (progress.lossScale && !lower && !Number.isFinite(loss + gradientNorm)) {
    // No scale helps: values of the model itself overflow.
    model.zeroGradients();
    model.leaveF16();
    return trainStep(options, step, { ...progress, lossScale: undefined, leftF16: true }, watch);
  }
  // Checked before the update, so that the model in memory is still the last good state.
  const problem = sums.learned && !lower ? watch.check(loss, gradientNorm) : undefined;
  if (problem) {
    model.zeroGradients();
    return { problem, progress };
  }
  const learningRate = learningRateAt(step, { ...hyper, steps: length.steps }) * progress.rateScale;
  const gradientScale = hyper.clip && gradientNorm > hyper.clip ? hyper.clip / gradientNorm : 1;
  if (sums.learned && !lower) optimizer.step({ learningRate, gradientScale: gradientScale / scale });
  model.zeroGradients();
  const seconds = (awakeMs() - started) / 1000;
  const { tokens, learned } = sums;
  const lossScale =
    lower ?? (progress.lossScale && sums.learned ? afterGoodStep(progress.lossScale) : progress.lossScale);
  const after = { ...progress, watch: watch.state, ...(lossScale && { lossScale }) };
  const report = { step, loss, learningRate, gradientNorm, tokens, learned, seconds, progress: after };
  const stateProblem = await onStep({ ...report, ...(lower && { skippedTo: lower.scale }) });
  return { problem: stateProblem ?? undefined, progress: after };
}

/**
 * Gradients of one optimiser step: `scale` times the mean over the learned tokens of all its micro-batches. Undefined if
 * `signal` has fired: then there are none.
 */
async function accumulateStep(
  { hyper, model, sequences, signal }: LoopOptions,
  number: number,
  scale: number,
): Promise<{ lossSum: number; tokens: number; learned: number } | undefined> {
  const micros = microBatches(sequences, hyper, number);
  const learned = micros.reduce((sum, { learnedTokens }) => sum + learnedTokens, 0);
  let lossSum = 0;
  let tokens = 0;
  for (const { index, learnedTokens, ...batch } of micros) {
    if (!learnedTokens) continue;
    tokens += batch.rows * batch.length;
    const how = { seed: [hyper.seed, index] as [number, number], lossWeight: scale / learned, signal };
    try {
      lossSum += (await model.accumulate(batch, how)).lossSum;
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
      model.zeroGradients();
      return undefined;
    }
  }
  return { lossSum, tokens, learned };
}

async function tryRollBack(
  { rollBack }: LoopOptions,
  step: number,
  why: Text,
  progress: LoopProgress,
): Promise<{ step: number; progress: LoopProgress }> {
  const before = progress.rollbacks < MAX_ROLLBACKS ? await rollBack?.(step, why, progress) : undefined;
  if (!before) throw diverged(step, why);
  return before;
}

/**
 * The progress after going back to step `to`: half the rate, and the data up to the bad step `step` is skipped.
 * `usual`: the watch's state at step `to`.
 */
export function afterRollback(
  progress: LoopProgress,
  step: number,
  to: number,
  usual: WatchState,
): LoopProgress {
  return {
    rateScale: progress.rateScale * SCALE_AFTER_ROLLBACK,
    skipped: progress.skipped + step - to,
    rollbacks: progress.rollbacks + 1,
    watch: usual,
    ...(progress.lossScale && { lossScale: progress.lossScale }),
    ...(progress.leftF16 && { leftF16: true }),
  };
}
