/**
 * When checkpoints are measured, so that training is held up for no more than a share of its own time. What was decided
 * is part of every checkpoint: a run that was stopped goes on with it. Seconds and steps throughout.
 */
import { z } from 'zod';
import type { EvaluationPlan, Hyper } from '../protocol/run.ts';

export const scheduleSchema = z.object({
  /** Spent on training, held-out loss included. */
  trained: z.number().default(0),
  /** Spent on measuring checkpoints. */
  spent: z.number().default(0),
  /** What one takes, as far as is known; 0: unknown. */
  cost: z.number().default(0),
  /** Not before this step. */
  next: z.int().default(1),
});
export type Schedule = z.infer<typeof scheduleSchema>;

/** Time varies: a measurement that is broken off was for nothing. */
const MARGIN = 1.2;

/** Steps between checkpoints that are measured. */
export const checkpointInterval = (
  { checkpointEvery = 1 }: Pick<EvaluationPlan, 'checkpointEvery'>,
  { evalEvery }: Pick<Hyper, 'evalEvery'>,
): number => evalEvery * Math.ceil(checkpointEvery / evalEvery);

/** Seconds that measuring may take now without going over the share. */
export const allowance = ({ trained, spent }: Schedule, share: number): number =>
  Math.max(0, share * trained - spent);

/** Whether there is time for what measuring one takes, as far as is known. */
export const isAffordable = (schedule: Schedule, share: number): boolean => {
  const room = allowance(schedule, share);
  return room > 0 && room >= MARGIN * schedule.cost;
};

/** At step `step`: from when on there will be time for the next one, by the speed so far. */
export function postpone(schedule: Schedule, step: number, interval: number, share: number): Schedule {
  const { trained, spent, cost } = schedule;
  const missing = share > 0 ? (spent + MARGIN * cost) / share - trained : Infinity;
  const steps = trained > 0 ? Math.max(0, Math.ceil((missing * step) / trained)) : 0;
  const next = interval * Math.max(Math.floor(step / interval) + 1, Math.ceil((step + steps) / interval));
  return { ...schedule, next: Math.min(next, Number.MAX_SAFE_INTEGER) };
}

/** After a measurement at step `step` that took `seconds`; one that was broken off would have taken longer. */
export function after(
  schedule: Schedule,
  { step, seconds, whole }: { step: number; seconds: number; whole: boolean },
  interval: number,
  share: number,
): Schedule {
  const cost = whole
    ? Math.max(seconds, (schedule.cost + seconds) / 2)
    : Math.max(schedule.cost, 2 * seconds);
  return postpone({ ...schedule, spent: schedule.spent + seconds, cost }, step, interval, share);
}

/** Seconds that measuring checkpoints will add to the steps that are left, at most; the last is measured as the result. */
export function secondsAhead(
  { cost, next }: Schedule,
  { step, steps, secondsPerStep }: { step: number; steps: number; secondsPerStep: number },
  interval: number,
  share: number,
): number {
  const reached = (end: number) => Math.floor(end / interval);
  const times = Math.max(0, reached(steps - 1) - reached(Math.max(step, next - 1)));
  return Math.min(times * cost, share * (steps - step) * secondsPerStep);
}
