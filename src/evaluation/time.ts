/** How long a run, and measuring its result, takes: announced beforehand and kept to. All in seconds. */
import type { RunEvent } from '../protocol/events.ts';
import { tokensPerStep, type RunSpec } from '../protocol/run.ts';
import { PREPARING, type Cost, type KnownCosts } from '../training/measured-costs.ts';
import { factsOfTask } from '../findings/task-facts.ts';
import { servedPart, strengthPart, untunedPart, type ProgressPart } from './progress.ts';
import { formatDuration } from '../text/units.ts';
import { awakeMs } from '../platform/machine/awake.ts';

/** Training time in seconds: the sum over all steps. */
export function trainingSeconds(events: readonly RunEvent[], hyper: RunSpec['hyper']): number {
  const tokens = tokensPerStep(hyper);
  return events.reduce(
    (total, event) => total + (event.type === 'step' ? tokens / event.tokensPerSecond : 0),
    0,
  );
}

/** Median tokens per second of the last steps; the reference speed before the first step. */
export function trainingSpeed(events: readonly RunEvent[]): number {
  const last = events.flatMap((event) => (event.type === 'step' ? [event.tokensPerSecond] : [])).slice(-21);
  return last.toSorted((a, b) => a - b)[Math.floor(last.length / 2)] ?? REFERENCE_SPEED;
}

/** A part of measuring a result, with its seconds. */
export interface PartTime extends ProgressPart {
  /** Seconds for the fewest items that give a metric at all. */
  minimum: number;
}

/**
 * Tokens per second of the training on the machine where the tasks' costs were measured. A part not yet measured on
 * this machine is estimated from its cost there and the ratio of the training speeds.
 */
const REFERENCE_SPEED = 150;
/** Share of a part's items that gives a metric, where their number is unknown. */
const MIN_SHARE = 0.25;
/** Fewest items of a task, over base and result. */
const MIN_ITEMS = 16;
/** The minimum of all planned parts may take exactly the whole time, some of which has already passed. */
const FIT_TOLERANCE = 1.1;
const PREPARING_SECONDS = 15;
/** Seconds that any part takes, however small the base: models are loaded. */
const STARTUP_SECONDS = 3;
/** Measuring may always take this long: a share of a short training would be too little. */
export const MIN_SECONDS = 60;
/** Leaving out a part that takes no longer than this would gain nothing. */
const NEGLIGIBLE_SECONDS = 20;

/** The settings that a run's time depends on, besides its base and the machine. */
export type PlannedSpec = Pick<RunSpec, 'evaluation' | 'imported'> & {
  hyper: Pick<RunSpec['hyper'], 'method'>;
};

export interface Speeds {
  known: KnownCosts;
  /** Of training, in tokens per second. */
  speed: number;
}

export const isStrengthMeasured = ({ evaluation, imported }: Pick<RunSpec, 'evaluation' | 'imported'>) =>
  evaluation.strength === 'measured' && !imported;

/**
 * The parts of measuring a run's result, in their order, with times measured on this machine, or else estimated from
 * the training speed.
 */
export function partTimes(
  spec: PlannedSpec,
  tasks: readonly ProgressPart[],
  { known, speed }: Speeds,
): PartTime[] {
  const isMeasured = isStrengthMeasured(spec);
  const parts = isMeasured ? [strengthPart, servedPart, untunedPart, ...tasks] : [servedPart, ...tasks];
  return parts.map(({ name, title, cost }) => {
    // What decides is measured whole.
    const isWhole = name === strengthPart.name || factsOfTask(name)?.preparesAll;
    const minimum = isWhole ? { items: Infinity, share: 1 } : { items: MIN_ITEMS, share: MIN_SHARE };
    const estimate = STARTUP_SECONDS + cost * (REFERENCE_SPEED / speed);
    return { name, title, ...estimateSeconds(known(name), estimate, minimum) };
  });
}

function estimateSeconds(
  known: Cost | undefined,
  estimate: number,
  minimum: { items: number; share: number },
): Pick<PartTime, 'cost' | 'minimum'> {
  return known
    ? { cost: known.seconds * known.items, minimum: known.seconds * Math.min(known.items, minimum.items) }
    : { cost: estimate, minimum: Math.max(STARTUP_SECONDS, minimum.share * estimate) };
}

const sumSeconds = (parts: readonly PartTime[], what: 'cost' | 'minimum') =>
  parts.reduce((sum, part) => sum + part[what], 0);

/** The minimum of the parts up to the first task: what decides, the check, and something of the base and of that task. */
function minimumSeconds(parts: readonly PartTime[]): number {
  const first = parts.findIndex(({ name }) => factsOfTask(name) !== undefined);
  return sumSeconds(first < 0 ? parts : parts.slice(0, first + 1), 'minimum');
}

/**
 * Seconds that the run's plan gives to measuring the result after `trained` seconds of training: its share, but at
 * least a minute and enough for a metric, and at most what everything takes. Whole models are always measured
 * completely.
 */
export function measuringSeconds(
  parts: readonly PartTime[],
  { share, method }: { share: number | undefined; method: RunSpec['hyper']['method'] },
  trained: number,
): number {
  const all = sumSeconds(parts, 'cost');
  if (share === undefined || method === 'full') return all;
  return Math.min(all, Math.max(share * trained, minimumSeconds(parts), MIN_SECONDS));
}

export type RunTimes = NonNullable<RunSpec['expected']>;

/**
 * How long a run will take, as announced before it starts. `training`: its time budget, or the estimate for its steps.
 */
export function expectedTimes(
  spec: PlannedSpec,
  tasks: readonly ProgressPart[],
  training: number,
  speeds: Speeds,
): RunTimes {
  const { share } = spec.evaluation;
  const measuring = measuringSeconds(partTimes(spec, tasks, speeds), { share, ...spec.hyper }, training);
  const preparing = speeds.known(PREPARING)?.seconds ?? PREPARING_SECONDS;
  return { preparing, training, measuring };
}

export const totalSeconds = ({ preparing, training, measuring }: RunTimes): number =>
  preparing + training + measuring;

export function describeTimes(times: RunTimes): string {
  const [total, training, measuring] = [totalSeconds(times), times.training, times.measuring].map(
    formatDuration,
  );
  return `This takes about ${total}: ${training} of training, about ${measuring} to measure the result`;
}

/** Divides the time until `end` (by `now`) among the parts of an evaluation. */
export class TimeTable {
  private remaining: readonly PartTime[];

  constructor(
    parts: readonly PartTime[],
    readonly end: number,
    private readonly now = awakeMs,
  ) {
    this.remaining = parts;
  }

  /** Whether a part's minimum is short, or would overrun by no more than half of its time. */
  hasTimeFor(name: string): boolean {
    const part = this.remaining.find((part) => part.name === name);
    return !part || part.minimum <= NEGLIGIBLE_SECONDS || part.minimum / 2 <= this.seconds;
  }

  /**
   * When the part, which starts now, should end: it gets its minimum, and its share of the time that the minimums of
   * this and the later parts that fit leave over.
   */
  until(name: string): number {
    const at = this.remaining.findIndex((part) => part.name === name);
    const part = this.remaining[at];
    this.remaining = this.remaining.slice(at + 1);
    if (!part || this.end === Infinity) return this.end;
    const fitting = [part];
    for (const later of this.remaining)
      if (sumSeconds([...fitting, later], 'minimum') <= FIT_TOLERANCE * this.seconds) fitting.push(later);
    const spare = Math.max(0, this.seconds - sumSeconds(fitting, 'minimum'));
    const ownShare = part.minimum + (spare * part.cost) / sumSeconds(fitting, 'cost');
    return this.now() + 1000 * ownShare;
  }

  private get seconds(): number {
    return Math.max(0, this.end - this.now()) / 1000;
  }
}
