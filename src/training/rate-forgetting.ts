/** What a learning rate would forget in a whole run, by what it forgot in a short trial. Pure. */
import type { EvaluationPlan, Hyper } from '../protocol/run.ts';

/**
 * KL grows with the steps, at most in proportion: on Qwen2.5-Coder-0.5B at 3e-5, 0.0135 after 8 steps of a trial and
 * 0.11 after 76 of a run.
 */
const expectedKl = (kl: number, { trial, run }: Steps): number => (kl * Math.max(run, trial)) / trial;

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
