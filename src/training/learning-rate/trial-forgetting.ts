/** What a learning rate would forget in a whole run, by what it forgot in a short trial. Pure. */
import type { EvaluationPlan, Hyper } from '../../protocol/run.ts';

/**
 * How much more a run forgets than a trial of fewer steps. On Qwen2.5-Coder-0.5B at 1e-4, where it matters, a KL of 0.12
 * after 8 steps of a trial became 0.16 to 0.22 after 60 of a run. At 3e-5 it grows faster, and ends far below.
 */
const expectedKl = (kl: number, { trial, run }: Steps): number =>
  kl * Math.cbrt(Math.max(run, trial) / trial);

/** An adapter may be served at half its strength, and KL falls with the square of that. */
const LEAST_STRENGTH = 0.5;

interface Steps {
  trial: number;
  run: number;
}

/**
 * The most KL, in nats per token, that a trial may have had for its rate to leave something that can be offered;
 * Infinity where the result is offered whatever it forgot.
 */
export function mostTrialKl(
  { strength, strengthLimit }: Pick<EvaluationPlan, 'strength' | 'strengthLimit'>,
  method: Hyper['method'],
  steps: Steps,
): number {
  if (strength !== 'measured') return Infinity;
  const least = method === 'lora' ? LEAST_STRENGTH : 1;
  return strengthLimit / least ** 2 / expectedKl(1, steps);
}
