/**
 * The number of steps of a run. With a budget in minutes, it starts as an estimate and is fitted to the measured time
 * of the steps: after the first steps, and later if the run would end too early or too late. The learning-rate schedule
 * follows.
 */
import type { Hyper, RunSpec } from '../protocol/run.ts';

/** Number of first steps after each of which the length is fitted. */
const FIRST_STEPS = 5;
/** The length is changed if the run's time would be off by more than this share; a tenth is promised. */
const TOLERANCE = 0.03;
/**
 * Share of the speed of large matrix products that training reaches, measured on bases from 135M to 1.5B (.44 to .8).
 */
const EXPECTED_UTILISATION = 0.55;

/** Operations per step, and per second on this machine. */
export interface MachinePace {
  perStep: number;
  perSecond: number;
}

/** Operations that training does in this many seconds, on a machine with `perSecond` operations per second. */
export const expectedOperations = (seconds: number, perSecond: number): number =>
  seconds * EXPECTED_UTILISATION * perSecond;

/**
 * Minimum number of steps until the first one is measured, after which the length is fitted: a guess may be far too
 * low.
 */
const MIN_GUESS = 2;

/** Expected number of steps in this many seconds, before any was measured. */
export const expectedSteps = (seconds: number, { perStep, perSecond }: MachinePace): number =>
  Math.max(1, Math.round(expectedOperations(seconds, perSecond) / perStep));

/** Measured times, in seconds. */
export interface Pace {
  /** Time spent on training so far, including held-out losses and checkpoints. */
  trained: number;
  perStep: number;
  /** A held-out loss with its checkpoint. */
  perEvaluation: number;
}

export class RunLength {
  steps: number;
  private readonly evalEvery: number;
  private fitted = 0;

  constructor(
    { steps, evalEvery }: Pick<Hyper, 'steps' | 'evalEvery'>,
    private readonly minutes?: RunSpec['minutes'],
  ) {
    this.steps = steps;
    this.evalEvery = evalEvery;
  }

  /**
   * Estimates the steps before the first one, when only the machine's speed is known. False if the budget is in steps.
   */
  guess(pace: MachinePace): boolean {
    if (this.minutes === undefined) return false;
    this.steps = Math.max(MIN_GUESS, expectedSteps(60 * this.minutes, pace));
    return true;
  }

  /** Fits the length after step `step`. Returns the number of steps if it has changed, and the budget in minutes. */
  fit(step: number, pace: Pace): { steps: number; minutes: number } | undefined {
    const { minutes } = this;
    if (minutes === undefined || step >= this.steps) return undefined;
    this.fitted += 1;
    if (this.fitted > FIRST_STEPS && step % this.evalEvery !== 0) return undefined;
    const budget = 60 * minutes;
    const endOf = (steps: number) =>
      pace.trained + (steps - step) * pace.perStep + this.evaluations(step, steps) * pace.perEvaluation;
    // The first step may be much slower than the others: if there is time for a second one, that one decides.
    const isOpen = (steps: number) => step === 1 && steps === 2;
    if (Math.abs(endOf(this.steps) - budget) <= TOLERANCE * budget && !isOpen(this.steps)) return undefined;
    let steps = step + Math.max(0, Math.round((budget - pace.trained) / pace.perStep));
    // Takes the number of steps that ends nearest to the budget.
    while (steps > step && endOf(steps) > budget + pace.perStep / 2) steps -= 1;
    if (isOpen(steps)) steps += 1;
    if (steps === this.steps) return undefined;
    this.steps = steps;
    return { steps, minutes };
  }

  /** Number of held-out losses after step `step` of a run of this many steps, including one at the last step. */
  private evaluations(step: number, steps: number): number {
    return Math.ceil(steps / this.evalEvery) - Math.floor(step / this.evalEvery);
  }
}
