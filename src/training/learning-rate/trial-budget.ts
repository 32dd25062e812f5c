/** How long the trials of a run's learning rate may be, so that they take no more than their share of it. Pure. */
import type { Hyper, RunSpec } from '../../protocol/run.ts';

/** Of the run's budget, what all trials together may take. */
const SHARE = 0.15;
/** Steps of a trial below which it says nothing. */
export const LEAST_STEPS = 8;
/** Of a sweep's trial: more tells little more, and a long run would wait for hours. */
const MOST_STEPS = 40;
/** Time varies, and trials that were broken off are for nothing. */
const MARGIN = 0.9;
/** Of a step, at most what its sequences take when they are only measured. */
const FORWARD = 0.5;

export interface TrialCosts {
  /** Rates to try. */
  rates: number;
  /** Held-out windows that each is measured on, and the base. */
  windows: number;
  /** Seconds of a training step. */
  perStep: number;
  /** Seconds already spent. */
  spent: number;
}

type Budget = Pick<RunSpec, 'minutes'> & { hyper: Pick<Hyper, 'steps' | 'batch' | 'accumulate'> };

/** Seconds that trials may take; Infinity where the run was given steps. */
export const trialSeconds = ({ minutes }: Budget): number =>
  minutes === undefined ? Infinity : SHARE * 60 * minutes;

/** Steps of each trial; below LEAST_STEPS there is no time for them. */
export function trialSteps(budget: Budget, costs: TrialCosts): number {
  const { rates, perStep, spent } = costs;
  if (budget.minutes === undefined)
    return Math.min(MOST_STEPS, Math.floor((SHARE * budget.hyper.steps) / rates));
  const left = MARGIN * trialSeconds(budget) - spent - measuringSeconds(budget, costs);
  return Math.min(MOST_STEPS, Math.max(0, Math.floor(left / ((rates + FORWARD) * perStep))));
}

/** The shortest run with room for trials: in minutes where that is its budget, else in steps. */
export function leastBudget(budget: Budget, costs: TrialCosts): number {
  const { rates, perStep, spent } = costs;
  if (budget.minutes === undefined) return Math.ceil((LEAST_STEPS * rates) / SHARE);
  const seconds = spent + measuringSeconds(budget, costs) + LEAST_STEPS * (rates + FORWARD) * perStep;
  return seconds / (MARGIN * SHARE) / 60;
}

/** The base is measured as well, and on the tokens of the steps; a window more each for the KL. */
function measuringSeconds({ hyper }: Budget, { rates, windows, perStep }: TrialCosts): number {
  return ((rates + 1) * (windows + 1) * FORWARD * perStep) / (hyper.batch * hyper.accumulate);
}
