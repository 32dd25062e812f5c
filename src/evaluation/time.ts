/** How long measuring a run's result may take, by how long its training took. */
import type { RunEvent } from '../protocol/events.ts';
import { tokensPerStep, type RunSpec } from '../protocol/run.ts';

/** The most that measuring takes, as a share of training, where a run is not told otherwise. */
export const MEASURE_SHARE = 0.5;
/** Of a short training a share is too little to see anything in. */
const LEAST_SECONDS = 60;

/** Seconds of all steps that were made. */
export function trainingSeconds(events: readonly RunEvent[], hyper: RunSpec['hyper']): number {
  const tokens = tokensPerStep(hyper);
  return events.reduce(
    (total, event) => total + (event.type === 'step' ? tokens / event.tokensPerSecond : 0),
    0,
  );
}

/**
 * Seconds that measuring may take by the run's plan, after so many of training. Whole models take turns in memory: they
 * are measured to the end.
 */
export function measuringSeconds(
  { share, method }: { share: number | undefined; method: RunSpec['hyper']['method'] },
  trained: number,
): number {
  return share === undefined || method === 'full' ? Infinity : Math.max(LEAST_SECONDS, share * trained);
}
