/**
 * How many steps a run has. One that was given minutes begins with an estimate, which is fitted to what its steps take:
 * the first ones, and later where it would end too early or too late. The schedule of the rate follows.
 */
import type { Hyper, RunSpec } from '../protocol/run.ts';

/** Steps after which the speed is known well enough. */
const FIRST_STEPS = 5;
/** What a run may be off by before its length is changed again: a tenth is promised. */
const TOLERANCE = 0.03;
/** Share of the rate of large products that training reaches, as measured on bases from 135M to 1.5B (.44 to .8). */
const USUAL_UTILISATION = 0.55;

/** What is known of the machine: operations of a step and of a second. */
export interface MachinePace {
  perStep: number;
  perSecond: number;
}

/** Operations that training comes to in so many seconds, of the machine's in one. */
export const expectedOperations = (seconds: number, perSecond: number): number =>
  seconds * USUAL_UTILISATION * perSecond;

/** Steps that so many seconds hold, before one was made. */
export const expectedSteps = (seconds: number, { perStep, perSecond }: MachinePace): number =>
  Math.max(1, Math.round(expectedOperations(seconds, perSecond) / perStep));

/** Seconds. */
export interface Pace {
  /** Spent on training so far, held-out losses and checkpoints included. */
  trained: number;
  perStep: number;
  /** A held-out loss with its checkpoint. */
  perEvaluation: number;
}

export class RunLength {
  steps: number;
  private readonly evalEvery: number;
  private fitted = 0;

  /** @param before seconds of the minutes that were spent before the first step */
  constructor(
    { steps, evalEvery }: Pick<Hyper, 'steps' | 'evalEvery'>,
    private readonly minutes?: RunSpec['minutes'],
    private readonly before = 0,
  ) {
    this.steps = steps;
    this.evalEvery = evalEvery;
  }

  /** Before the first step, when only the machine's rate is known. False where steps were asked for. */
  guess(pace: MachinePace): boolean {
    if (this.minutes === undefined) return false;
    this.steps = expectedSteps(60 * this.minutes - this.before, pace);
    return true;
  }

  /** After step `step`. Returns the number of steps if it has changed, and for which minutes. */
  fit(step: number, pace: Pace): { steps: number; minutes: number } | undefined {
    const { minutes } = this;
    if (minutes === undefined || step >= this.steps) return undefined;
    this.fitted += 1;
    if (this.fitted > FIRST_STEPS && step % this.evalEvery !== 0) return undefined;
    const budget = 60 * minutes - this.before;
    const endOf = (steps: number) =>
      pace.trained + (steps - step) * pace.perStep + this.evaluations(step, steps) * pace.perEvaluation;
    if (Math.abs(endOf(this.steps) - budget) <= TOLERANCE * budget) return undefined;
    let steps = step + Math.max(1, Math.round((budget - pace.trained) / pace.perStep));
    // The nearest end, before or after.
    while (steps > step + 1 && endOf(steps) > budget + pace.perStep / 2) steps -= 1;
    if (steps === this.steps) return undefined;
    this.steps = steps;
    return { steps, minutes };
  }

  /** Held-out losses after step `step` of a run of so many steps; the last step has one of its own. */
  private evaluations(step: number, steps: number): number {
    return Math.ceil(steps / this.evalEvery) - Math.floor(step / this.evalEvery);
  }
}
