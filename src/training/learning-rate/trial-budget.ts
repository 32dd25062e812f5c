/**
 * How long the trials of a run's learning rate may be, so that they take no more than their share of the budget. Pure.
 */
import type { Hyper, RunSpec } from '../../protocol/run.ts';

/** Share of the run's budget that all trials together may take. */
const SHARE = 0.15;
/** A trial of fewer steps says nothing. */
export const MIN_STEPS = 8;
/** The number of steps in a trial of a sweep: more would add little, and a long run would wait for hours. */
const MAX_STEPS = 40;
/** Safety margin: times vary, and trials that are stopped early are wasted. */
const MARGIN = 0.9;
/** Time to only measure a step's sequences, as a share of the step's time; an upper bound. */
const FORWARD_SHARE = 0.5;

export interface TrialCosts {
  /** Number of rates to try. */
  rates: number;
  /** The most windows that each trial and the base are measured on. */
  windows: number;
  /** Seconds of a training step. */
  perStep: number;
  /** Seconds already spent. */
  spent: number;
}

type Budget = Pick<RunSpec, 'minutes'> & { hyper: Pick<Hyper, 'steps' | 'batch' | 'accumulate'> };

/** Seconds that trials may take; Infinity if the budget is in steps. */
export const trialSeconds = ({ minutes }: Budget): number =>
  minutes === undefined ? Infinity : SHARE * 60 * minutes;

/** Steps of each trial; below MIN_STEPS, there is no time for trials. */
export function trialSteps(budget: Budget, costs: TrialCosts): number {
  const { rates, perStep, spent } = costs;
  if (budget.minutes === undefined)
    return Math.min(MAX_STEPS, Math.floor((SHARE * budget.hyper.steps) / rates));
  const secondsLeft = MARGIN * trialSeconds(budget) - spent - measuringSeconds(budget, costs);
  return Math.min(MAX_STEPS, Math.max(0, Math.floor(secondsLeft / ((rates + FORWARD_SHARE) * perStep))));
}

/** The shortest run with room for trials: in minutes if its budget is in minutes, else in steps. */
export function minBudget(budget: Budget, costs: TrialCosts): number {
  const { rates, perStep, spent } = costs;
  if (budget.minutes === undefined) return Math.ceil((MIN_STEPS * rates) / SHARE);
  const seconds = spent + measuringSeconds(budget, costs) + MIN_STEPS * (rates + FORWARD_SHARE) * perStep;
  return seconds / (MARGIN * SHARE) / 60;
}

/** Measuring covers the base and each trial on these windows, with one more each for the KL. */
function measuringSeconds({ hyper }: Budget, { rates, windows, perStep }: TrialCosts): number {
  return ((rates + 1) * (windows + 1) * FORWARD_SHARE * perStep) / (hyper.batch * hyper.accumulate);
}
