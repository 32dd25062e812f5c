/** How long a run takes, and of that the measuring of its result: said beforehand, and kept to. All in seconds. */
import type { RunEvent } from '../protocol/events.ts';
import { tokensPerStep, type RunSpec } from '../protocol/run.ts';
import { PREPARING, type Cost, type KnownCosts } from '../training/measured-costs.ts';
import { factsOfTask } from '../findings/task-facts.ts';
import { servedPart, strengthPart, type ProgressPart } from './progress.ts';

/** Training time in seconds: the sum over all steps. */
export function trainingSeconds(events: readonly RunEvent[], hyper: RunSpec['hyper']): number {
  const tokens = tokensPerStep(hyper);
  return events.reduce(
    (total, event) => total + (event.type === 'step' ? tokens / event.tokensPerSecond : 0),
    0,
  );
}

/** Tokens per second of the last steps: a median. That of the reference before the first one. */
export function trainingSpeed(events: readonly RunEvent[]): number {
  const last = events.flatMap((event) => (event.type === 'step' ? [event.tokensPerSecond] : [])).slice(-21);
  return last.toSorted((a, b) => a - b)[Math.floor(last.length / 2)] ?? REFERENCE_SPEED;
}

/** A part of measuring a result, with its seconds. */
export interface PartTime extends ProgressPart {
  /** For as little as gives a figure at all. */
  least: number;
}

/**
 * Tokens per second of the training on which the costs of tasks were measured: by them, and the speed of training, the
 * time of a part is guessed that was not measured on this machine yet.
 */
const REFERENCE_SPEED = 150;
/** Share of a part's items that gives a figure, where it is not known how many there are. */
const LEAST_SHARE = 0.25;
/** Least items of a task, over base and result; and of the choice of a strength, over the base and two strengths. */
const LEAST_ITEMS = { task: 16, strength: 93 };
/** The least of all parts that were planned may be just what there is time for, of which a moment is over. */
const FITTING = 1.1;
const PREPARING_SECONDS = 15;
/** Seconds of any part, however small the base: models are opened. */
const OPENING = 3;
/** Measuring may always take this long: a share of a short training would be too little. */
export const LEAST_SECONDS = 60;
/** Leaving out a part that takes no longer than this would gain nothing. */
const SHORT = 20;

/** What the time of a run depends on, besides its base and the machine. */
export type Planned = Pick<RunSpec, 'evaluation' | 'imported'> & { hyper: Pick<RunSpec['hyper'], 'method'> };

export interface Speeds {
  known: KnownCosts;
  /** Of training, in tokens per second. */
  speed: number;
}

export const isStrengthMeasured = ({ evaluation, imported }: Pick<RunSpec, 'evaluation' | 'imported'>) =>
  evaluation.strength === 'measured' && !imported;

/**
 * The parts of measuring a run's result, in their order. By what they took here, else by the speed of training.
 * `chosen`: the tasks.
 */
export function partTimes(
  spec: Planned,
  chosen: readonly ProgressPart[],
  { known, speed }: Speeds,
): PartTime[] {
  const parts = [...(isStrengthMeasured(spec) ? [strengthPart] : []), servedPart, ...chosen];
  return parts.map(({ name, title, cost }) => {
    const items = name === strengthPart.name ? LEAST_ITEMS.strength : LEAST_ITEMS.task;
    const share = factsOfTask(name)?.preparesAll ? 1 : LEAST_SHARE;
    const guess = OPENING + cost * (REFERENCE_SPEED / speed);
    return { name, title, ...secondsOf(known(name), guess, { items, share }) };
  });
}

function secondsOf(
  known: Cost | undefined,
  guess: number,
  least: { items: number; share: number },
): Pick<PartTime, 'cost' | 'least'> {
  return known
    ? { cost: known.seconds * known.items, least: known.seconds * Math.min(known.items, least.items) }
    : { cost: guess, least: Math.max(OPENING, least.share * guess) };
}

const sumOf = (parts: readonly PartTime[], what: 'cost' | 'least') =>
  parts.reduce((sum, part) => sum + part[what], 0);

/** What gives a figure at all: the choice of a strength, the check, and the first task, which is of the user's code. */
function leastSeconds(parts: readonly PartTime[]): number {
  const first = parts.findIndex(({ name }) => factsOfTask(name) !== undefined);
  return sumOf(first < 0 ? parts : parts.slice(0, first + 1), 'least');
}

/**
 * Seconds that measuring a result takes by the run's plan after `trained` seconds of training: its share, but no less
 * than gives a figure and than a minute, and no more than measures everything. Whole models are always measured to the end.
 */
export function measuringSeconds(
  parts: readonly PartTime[],
  { share, method }: { share: number | undefined; method: RunSpec['hyper']['method'] },
  trained: number,
): number {
  const all = sumOf(parts, 'cost');
  if (share === undefined || method === 'full') return all;
  return Math.min(all, Math.max(share * trained, leastSeconds(parts), LEAST_SECONDS));
}

export type RunTimes = NonNullable<RunSpec['expected']>;

/** How long a run will take, as it is said before it starts. `training`: its budget, or what its steps will take. */
export function expectedTimes(
  spec: Planned,
  chosen: readonly ProgressPart[],
  training: number,
  speeds: Speeds,
): RunTimes {
  const { share } = spec.evaluation;
  const measuring = measuringSeconds(partTimes(spec, chosen, speeds), { share, ...spec.hyper }, training);
  const preparing = speeds.known(PREPARING)?.seconds ?? PREPARING_SECONDS;
  return { preparing, training, measuring };
}

export const totalSeconds = ({ preparing, training, measuring }: RunTimes): number =>
  preparing + training + measuring;

/** Share of all measuring that the choice of a strength may take: it decides whether a result is offered at all. */
const DECISIVE = 0.5;

/** Divides the time until `end` (by `now`) among the parts of an evaluation. */
export class TimeTable {
  private left: readonly PartTime[];

  constructor(
    parts: readonly PartTime[],
    readonly end: number,
    private readonly now = () => performance.now(),
  ) {
    this.left = parts;
  }

  /** Whether as little of a part as gives a figure is short, or would end late by no more than half of its time. */
  hasTimeFor(name: string): boolean {
    const part = this.left.find((one) => one.name === name);
    return !part || part.least <= SHORT || part.least / 2 <= this.seconds;
  }

  /**
   * When the part, which begins now, should be over: it gets its least, and its share of what is beyond the least of
   * this part and the later ones that fit; the choice of a strength gets half of the time where it needs that.
   */
  until(name: string): number {
    const at = this.left.findIndex((one) => one.name === name);
    const part = this.left[at];
    this.left = this.left.slice(at + 1);
    if (!part || this.end === Infinity) return this.end;
    const fitting = [part];
    for (const later of this.left)
      if (sumOf([...fitting, later], 'least') <= FITTING * this.seconds) fitting.push(later);
    const spare = Math.max(0, this.seconds - sumOf(fitting, 'least'));
    const given = part.least + (spare * part.cost) / sumOf(fitting, 'cost');
    const decisive = name === strengthPart.name ? Math.min(part.cost, DECISIVE * this.seconds) : 0;
    return this.now() + 1000 * Math.max(given, decisive);
  }

  private get seconds(): number {
    return Math.max(0, this.end - this.now()) / 1000;
  }
}
