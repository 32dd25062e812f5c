/**
 * Which checkpoints are measured, so that this adds no more than a share to the time that training takes as a whole, by
 * its speed so far: as many as there is time for, evenly over the steps. What was decided is part of every checkpoint:
 * a run that was stopped goes on with it. Seconds and steps throughout.
 */
import { z } from 'zod';
import type { EvaluationPlan, Hyper } from '../../protocol/run.ts';

export const scheduleSchema = z.object({
  /** Spent on training, held-out loss included. */
  trained: z.number().default(0),
  /** Spent on measuring checkpoints. */
  spent: z.number().default(0),
  /** What one takes, as far as is known. */
  cost: z.number().default(0),
  /** The last step that was measured; 0 is the base. */
  last: z.int().default(0),
  /** Not before this step; undefined: not decided yet. */
  next: z.int().optional(),
});
export type Schedule = z.infer<typeof scheduleSchema>;

export interface Course {
  /** Of the whole run. */
  steps: number;
  /** Steps between checkpoints that may be measured. */
  interval: number;
  /** The most that measuring may add. */
  share: number;
}

/** Time varies, and what is broken off is for nothing. */
const MARGIN = 1.2;

/** Steps between checkpoints that are measured. */
export const checkpointInterval = (
  { checkpointEvery = 1 }: Pick<EvaluationPlan, 'checkpointEvery'>,
  { evalEvery }: Pick<Hyper, 'evalEvery'>,
): number => evalEvery * Math.ceil(checkpointEvery / evalEvery);

/** Seconds that measuring may still take, seen from step `step`. */
export const allowance = ({ trained, spent }: Schedule, step: number, { steps, share }: Course): number =>
  Math.max(0, (share * trained * steps) / step - spent);

/** How many there is time for. */
export const affordable = (schedule: Schedule, step: number, course: Course): number => {
  const room = allowance(schedule, step, course);
  return room > 0 ? Math.floor(room / (MARGIN * schedule.cost)) : 0;
};

/** At step `step`: decides on the next one. The last step is not counted: it is measured as the result. */
export function decide(schedule: Schedule, step: number, course: Course): Schedule {
  const { steps, interval } = course;
  const { last } = schedule;
  const count = affordable(schedule, step, course);
  // Speed may change: it is looked at again.
  if (count === 0) return { ...schedule, next: interval * (Math.floor(step / interval) + 1) };
  const gap = (steps - last) / (count + 1);
  const [first, final] = [Math.floor(last / interval) + 1, Math.floor((steps - 1) / interval)];
  const even = Math.ceil((last + gap) / interval);
  return { ...schedule, next: interval * Math.max(first, Math.min(final, even)) };
}

/** After a measurement at step `step` that took `seconds`; one that was broken off would have taken longer. */
export function after(
  schedule: Schedule,
  { step, seconds, whole }: { step: number; seconds: number; whole: boolean },
  course: Course,
): Schedule {
  const cost = whole
    ? Math.max(seconds, (schedule.cost + seconds) / 2)
    : Math.max(schedule.cost, 2 * seconds);
  const spent = schedule.spent + seconds;
  return decide({ ...schedule, spent, cost, last: step }, step, course);
}

/** Checkpoints after step `step` that may be measured. */
export const checkpointsAfter = (step: number, { steps, interval }: Course): number =>
  Math.max(0, Math.floor((steps - 1) / interval) - Math.floor(step / interval));

/** Seconds that measuring will add after step `step`, at most. */
export const secondsAhead = (schedule: Schedule, step: number, course: Course): number =>
  Math.min(checkpointsAfter(step, course) * schedule.cost, allowance(schedule, step, course));
