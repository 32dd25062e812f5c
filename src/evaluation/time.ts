/** How long measuring a run's result may take, depending on the training time. */
import type { RunEvent } from '../protocol/events.ts';
import { tokensPerStep, type RunSpec } from '../protocol/run.ts';

/** The most time that measuring takes by default, as a share of the training time. */
export const MEASURE_SHARE = 0.5;
/** A share of a short training would be too little to measure anything. */
const LEAST_SECONDS = 60;

/** Training time in seconds: the sum over all steps. */
export function trainingSeconds(events: readonly RunEvent[], hyper: RunSpec['hyper']): number {
  const tokens = tokensPerStep(hyper);
  return events.reduce(
    (total, event) => total + (event.type === 'step' ? tokens / event.tokensPerSecond : 0),
    0,
  );
}

/**
 * Seconds that measuring may take by the run's plan, after `trained` seconds of training. Whole models take turns in
 * memory, so they are always measured to the end.
 */
export function measuringSeconds(
  { share, method }: { share: number | undefined; method: RunSpec['hyper']['method'] },
  trained: number,
): number {
  return share === undefined || method === 'full' ? Infinity : Math.max(LEAST_SECONDS, share * trained);
}
