/**
 * The training loop: a pure function of (hyper-parameters, sequences, seed, step, progress). It knows tensors through
 * Model and Optimizer only and nothing of files; what happens at an interval and where it goes back to is its
 * caller's.
 */
import { z } from 'zod';
import type { SequenceSource } from '../corpus/tokens/sequences.ts';
import type { Model } from '../model/index.ts';
import type { Hyper } from '../protocol/run.ts';
import { microBatches } from './batches.ts';
import { diverged, DivergenceWatch, watchStateSchema, type WatchState } from './divergence.ts';
import type { Optimizer } from './optimizers.ts';
import { learningRateAt } from './schedule.ts';

/** What a run has gone through, as far as what follows depends on it. Part of every checkpoint. */
export const progressSchema = z.object({
  /** What the schedule's rate is multiplied by since the last time that training went back. */
  rateScale: z.number().default(1),
  /** Steps whose data was left behind: step n reads the data of step n + skipped. */
  skipped: z.int().default(0),
  /** Times that training went back. */
  rollbacks: z.int().default(0),
  watch: watchStateSchema.prefault({}),
});
export type LoopProgress = z.infer<typeof progressSchema>;

/** Going back once may be bad data, three times is a bad rate. */
const MOST_ROLLBACKS = 3;
const SCALE_AFTER_ROLLBACK = 0.5;

export interface StepReport {
  step: number;
  /** Mean over the step's learned tokens, nats. */
  loss: number;
  learningRate: number;
  /** Before clipping. */
  gradientNorm: number;
  /** Predictions made. */
  tokens: number;
  /** Those of them that count; with 0 there was nothing to learn, and no update was made. */
  learned: number;
  seconds: number;
  /** For a checkpoint of this step. */
  progress: LoopProgress;
}

export interface LoopOptions {
  hyper: Hyper;
  /** Steps of the run where they may change while it goes; else those of `hyper`. */
  length?: { readonly steps: number };
  model: Model;
  optimizer: Optimizer;
  sequences: SequenceSource;
  /** Steps already done: 0, or where a checkpoint was taken. */
  from: number;
  /** What that checkpoint says. */
  progress?: LoopProgress;
  signal: AbortSignal;
  /** Returns why the state after the step is no good, if it is not. */
  onStep(report: StepReport): Promise<string | undefined | void>;
  /**
   * Puts model and optimiser back to an earlier step and says to which, and with what progress (see `afterRollback`)
   * to go on; undefined when there is none. Without it, a run that diverges ends.
   */
  goBack?(
    step: number,
    why: string,
    progress: LoopProgress,
  ): Promise<{ step: number; progress: LoopProgress } | undefined>;
  /** Asked before each step: whether enough was learned already. */
  isEnough?(): boolean;
}

/**
 * Runs to the last step, to the end of the step in which `signal` fires, or until it is enough. Returns the last step done. Throws
 * `diverged` when training can't be brought back.
 */
export async function runLoop(options: LoopOptions): Promise<number> {
  const { from, signal, length = options.hyper } = options;
  const watch = new DivergenceWatch(options.model.config.vocabularySize);
  let progress = options.progress ?? progressSchema.parse({});
  watch.state = progress.watch;
  for (let step = from + 1; step <= length.steps; step += 1) {
    if (signal.aborted || options.isEnough?.()) return step - 1;
    const trouble = await trainStep(options, step, progress, watch);
    progress = { ...progress, watch: watch.state };
    if (!trouble) continue;
    const before = await rolledBack(options, step, trouble, progress);
    step = before.step;
    progress = before.progress;
    watch.state = progress.watch;
  }
  return length.steps;
}

/** Returns why the step, or the state after it, is no good. */
async function trainStep(
  options: LoopOptions,
  step: number,
  progress: LoopProgress,
  watch: DivergenceWatch,
): Promise<string | undefined> {
  const { hyper, length = hyper, model, optimizer, onStep } = options;
  const started = performance.now();
  const sums = await accumulateStep(options, step + progress.skipped);
  const loss = sums.learned ? sums.lossSum / sums.learned : 0;
  const gradientNorm = await model.gradientNorm();
  // Checked before the update, so that what is in memory is still the last good state.
  const trouble = sums.learned ? watch.check(loss, gradientNorm) : undefined;
  if (trouble) {
    model.zeroGradients();
    return trouble;
  }
  const learningRate = learningRateAt(step, { ...hyper, steps: length.steps }) * progress.rateScale;
  const gradientScale = hyper.clip && gradientNorm > hyper.clip ? hyper.clip / gradientNorm : 1;
  if (sums.learned) optimizer.step({ learningRate, gradientScale });
  model.zeroGradients();
  const seconds = (performance.now() - started) / 1000;
  const { tokens, learned } = sums;
  const after = { ...progress, watch: watch.state };
  const report = { step, loss, learningRate, gradientNorm, tokens, learned, seconds, progress: after };
  return (await onStep(report)) ?? undefined;
}

/** Gradients of one optimiser step: the mean over the learned tokens of all its micro-batches. */
async function accumulateStep(
  { hyper, model, sequences }: LoopOptions,
  number: number,
): Promise<{ lossSum: number; tokens: number; learned: number }> {
  const micros = microBatches(sequences, hyper, number);
  const learned = micros.reduce((sum, { learnedTokens }) => sum + learnedTokens, 0);
  let lossSum = 0;
  let tokens = 0;
  for (const { index, learnedTokens, ...batch } of micros) {
    if (!learnedTokens) continue;
    tokens += batch.rows * batch.length;
    const how = { seed: [hyper.seed, index] as [number, number], train: true, lossWeight: 1 / learned };
    lossSum += (await model.accumulate(batch, how)).lossSum;
  }
  return { lossSum, tokens, learned };
}

async function rolledBack(
  { goBack }: LoopOptions,
  step: number,
  why: string,
  progress: LoopProgress,
): Promise<{ step: number; progress: LoopProgress }> {
  const before = progress.rollbacks < MOST_ROLLBACKS ? await goBack?.(step, why, progress) : undefined;
  if (!before) throw diverged(step, why);
  return before;
}

/** Half the rate, and past the data on which step `step` went wrong; `usual` is what the watch knew at step `to`. */
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
  };
}
