/**
 * Decides which checkpoints are measured, so that measuring adds at most a given share to the whole training time,
 * estimated from the speed so far: as many as time allows, spread evenly over the steps. The schedule is part of every
 * checkpoint, so a resumed run continues with it. All values in seconds and steps.
 */
import { z } from 'zod';
import type { EvaluationPlan, Hyper } from '../../protocol/run.ts';

export const scheduleSchema = z.object({
  /** Time spent on training, including held-out losses. */
  trained: z.number().default(0),
  /** Time spent on measuring checkpoints. */
  spent: z.number().default(0),
  /** Estimated time to measure one checkpoint. */
  cost: z.number().default(0),
  /** The last measured step; 0 is the base. */
  last: z.int().default(0),
  /** The next step to measure; undefined if not decided yet. */
  next: z.int().optional(),
});
export type Schedule = z.infer<typeof scheduleSchema>;

export interface Course {
  /** Steps of the whole run. */
  steps: number;
  /** Steps between checkpoints that may be measured. */
  interval: number;
  /** The most time that measuring may add, as a share of the training time. */
  share: number;
}

/** Safety margin: times vary, and a measurement that is stopped early is wasted. */
const MARGIN = 1.2;

/** Steps between checkpoints that are measured. */
export const checkpointInterval = (
  { checkpointEvery = 1 }: Pick<EvaluationPlan, 'checkpointEvery'>,
  { evalEvery }: Pick<Hyper, 'evalEvery'>,
): number => evalEvery * Math.ceil(checkpointEvery / evalEvery);

/** Seconds that measuring may still take, as estimated at step `step`. */
export const allowance = ({ trained, spent }: Schedule, step: number, { steps, share }: Course): number =>
  Math.max(0, (share * trained * steps) / step - spent);

/** The number of checkpoints that can still be measured. */
export const affordableCheckpoints = (schedule: Schedule, step: number, course: Course): number => {
  const room = allowance(schedule, step, course);
  return room > 0 ? Math.floor(room / (MARGIN * schedule.cost)) : 0;
};

/** Whether a run with this budget in minutes, if it has one, can measure a checkpoint, which takes `cost` seconds. */
export const hasTimeForOne = (minutes: number | undefined, share: number, cost: number): boolean =>
  minutes === undefined || share * 60 * minutes > MARGIN * cost;

/**
 * Decides at step `step` which checkpoint is measured next. The last step does not count, since it is measured as the
 * result.
 */
export function chooseNext(schedule: Schedule, step: number, course: Course): Schedule {
  const { steps, interval } = course;
  const { last } = schedule;
  const count = affordableCheckpoints(schedule, step, course);
  // The speed may change, so it is decided again at the next checkpoint.
  if (count === 0) return { ...schedule, next: interval * (Math.floor(step / interval) + 1) };
  const gap = (steps - last) / (count + 1);
  const [first, final] = [Math.floor(last / interval) + 1, Math.floor((steps - 1) / interval)];
  const even = Math.ceil((last + gap) / interval);
  return { ...schedule, next: interval * Math.max(first, Math.min(final, even)) };
}

/**
 * Updates the schedule after a measurement at step `step` that took `seconds`. If it is not complete, it would have
 * taken longer.
 */
export function afterMeasurement(
  schedule: Schedule,
  { step, seconds, isComplete }: { step: number; seconds: number; isComplete: boolean },
  course: Course,
): Schedule {
  const cost = isComplete
    ? Math.max(seconds, (schedule.cost + seconds) / 2)
    : Math.max(schedule.cost, 2 * seconds);
  const spent = schedule.spent + seconds;
  return chooseNext({ ...schedule, spent, cost, last: step }, step, course);
}

/** Number of checkpoints after step `step` that may be measured. */
export const checkpointsAfter = (step: number, { steps, interval }: Course): number =>
  Math.max(0, Math.floor((steps - 1) / interval) - Math.floor(step / interval));

/** The most seconds that measuring will add after step `step`. */
export const secondsAhead = (schedule: Schedule, step: number, course: Course): number =>
  Math.min(checkpointsAfter(step, course) * schedule.cost, allowance(schedule, step, course));
