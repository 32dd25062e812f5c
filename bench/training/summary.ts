/** Computes the printed results from the measurements. */
import { formatBytes } from '../../src/cli/view/format.ts';
import { median } from '../quantiles.ts';
import { operationsPerToken, type Job, type Measurement, type Precision } from './job.ts';

/** The results of one side at one point, over all its runs. */
export interface Side {
  framework: string;
  secondsPerStep: number;
  tokensPerSecond: number;
  /** By processor time instead of wall time, which is less affected by other load. */
  tokensPerCpuSecond: number;
  peakBytes: number;
}

/** Ratios are ours / theirs: above 1 is faster or larger. */
export interface Result {
  speedRatio: number;
  memoryRatio: number;
  tokensPerSecond: number;
  /** Speed relative to what the matmul rate would allow. */
  rooflineShare: number;
}
export type Report = Partial<Record<Precision, Result>>;

/** Medians over all measured steps of all runs. */
export function summarise(runs: readonly Measurement[], job: Job): Side {
  const steps = runs.flatMap((run) => run.steps.slice(job.warmupSteps));
  const tokens = job.batch * job.sequence;
  const secondsPerStep = median(steps.map((step) => step.wallSeconds));
  return {
    framework: runs[0]!.framework,
    secondsPerStep,
    tokensPerSecond: tokens / secondsPerStep,
    tokensPerCpuSecond: tokens / median(steps.map((step) => step.cpuSeconds)),
    peakBytes: median(runs.map((run) => run.peakBytes)),
  };
}

/** Throws if the two sides cannot have done the same work. */
export function compare(ours: readonly Measurement[], theirs: readonly Measurement[], job: Job): Result {
  checkSameWork(ours[0]!, theirs[0]!, job);
  const us = summarise(ours, job);
  const them = summarise(theirs, job);
  const rate = median(ours.flatMap((run) => run.matmulRate ?? []));
  return {
    speedRatio: us.tokensPerSecond / them.tokensPerSecond,
    memoryRatio: us.peakBytes / them.peakBytes,
    tokensPerSecond: us.tokensPerSecond,
    rooflineShare: (us.tokensPerSecond * operationsPerToken(job.shape, ours[0]!.trainedParameters)) / rate,
  };
}

/** With random weights the loss is about ln V; the spread of the logits may move it by this much. */
const SPREAD = 1;

function checkSameWork(ours: Measurement, theirs: Measurement, { shape, randomBase }: Job): void {
  if (ours.trainedParameters !== theirs.trainedParameters)
    throw new Error(`We train ${ours.trainedParameters} parameters and PyTorch ${theirs.trainedParameters}.`);
  for (const { framework, steps } of randomBase ? [ours, theirs] : [theirs])
    for (const { loss } of steps)
      if (!(Math.abs(loss - Math.log(shape.vocabularySize)) < SPREAD))
        throw new Error(`${framework} has a loss of ${loss} on random tokens, so it does different work.`);
}

export const sideCells = (side: Side): string[] => [
  side.secondsPerStep.toFixed(2),
  side.tokensPerSecond.toFixed(1),
  side.tokensPerCpuSecond.toFixed(1),
  formatBytes(side.peakBytes),
];
export const sideTitles = ['s/step', 'tokens/s', 'tokens/CPU-s', 'peak memory'];

export const ratioCells = (ours: Side, theirs: Side): string[] => [
  `${(ours.tokensPerSecond / theirs.tokensPerSecond).toFixed(2)}x`,
  `${(ours.peakBytes / theirs.peakBytes).toFixed(2)}x`,
];
