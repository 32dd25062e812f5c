/** Computes the printed figures from the measurements. */
import { formatBytes, formatTable as tableLines } from '../../src/cli/view/format.ts';
import { operationsPerToken, type Job, type Measurement, type Precision } from './job.ts';

/** The figures of one side at one point, over all its runs. */
export interface Side {
  engine: string;
  secondsPerStep: number;
  tokensPerSecond: number;
  /** By processor time instead of wall time: less affected by other work on the machine. */
  tokensPerCpuSecond: number;
  peakBytes: number;
}

/** Ratios are ours / theirs: above 1 is faster or larger. */
export interface Figures {
  speedRatio: number;
  memoryRatio: number;
  tokensPerSecond: number;
  /** Share of the speed that the matmul rate would allow. */
  rooflineShare: number;
}
export type Report = Partial<Record<Precision, Figures>>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Medians over all measured steps of all runs. */
export function summarise(runs: readonly Measurement[], job: Job): Side {
  const steps = runs.flatMap((run) => run.steps.slice(job.warmupSteps));
  const tokens = job.batch * job.sequence;
  const secondsPerStep = median(steps.map((step) => step.wallSeconds));
  return {
    engine: runs[0]!.engine,
    secondsPerStep,
    tokensPerSecond: tokens / secondsPerStep,
    tokensPerCpuSecond: tokens / median(steps.map((step) => step.cpuSeconds)),
    peakBytes: median(runs.map((run) => run.peakBytes)),
  };
}

/** Throws if the two sides cannot have done the same work. */
export function compare(ours: readonly Measurement[], theirs: readonly Measurement[], job: Job): Figures {
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

export function checkSameWork(ours: Measurement, theirs: Measurement, { shape, randomBase }: Job): void {
  if (ours.trainedParameters !== theirs.trainedParameters)
    throw new Error(`We train ${ours.trainedParameters} parameters and PyTorch ${theirs.trainedParameters}.`);
  for (const { engine, steps } of randomBase ? [ours, theirs] : [theirs])
    for (const { loss } of steps)
      if (!(Math.abs(loss - Math.log(shape.vocabularySize)) < SPREAD))
        throw new Error(`${engine} has a loss of ${loss} on random tokens, so it does different work.`);
}

export interface Line {
  intercept: number;
  slope: number;
  /** Share of the variance that the line explains. */
  rSquared: number;
  /** Largest distance of a point from the line, as a share of the point. */
  worst: number;
}

/** Least squares. */
export function fitLine(points: readonly { x: number; y: number }[]): Line {
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const mx = mean(points.map(({ x }) => x));
  const my = mean(points.map(({ y }) => y));
  const sum = (term: (x: number, y: number) => number) =>
    points.reduce((total, { x, y }) => total + term(x - mx, y - my), 0);
  const slope = sum((x, y) => x * y) / sum((x) => x * x);
  const intercept = my - slope * mx;
  const errors = points.map(({ x, y }) => y - intercept - slope * x);
  return {
    intercept,
    slope,
    rSquared: 1 - errors.reduce((total, error) => total + error * error, 0) / sum((_, y) => y * y),
    worst: Math.max(...points.map(({ y }, i) => Math.abs(errors[i]! / y))),
  };
}

export const sideCells = (side: Side | string): string[] =>
  typeof side === 'string'
    ? ['-', '-', '-', side]
    : [
        side.secondsPerStep.toFixed(2),
        side.tokensPerSecond.toFixed(1),
        side.tokensPerCpuSecond.toFixed(1),
        formatBytes(side.peakBytes),
      ];
export const sideTitles = ['s/step', 'tokens/s', 'tokens/CPU-s', 'peak memory'];

export function ratioCells(ours: Side | string, theirs: Side | string): string[] {
  if (typeof ours === 'string' || typeof theirs === 'string') return ['-', '-'];
  return [
    `${(ours.tokensPerSecond / theirs.tokensPerSecond).toFixed(2)}x`,
    `${(ours.peakBytes / theirs.peakBytes).toFixed(2)}x`,
  ];
}

export const formatTable = (rows: string[][]): string => tableLines(rows).join('\n');
