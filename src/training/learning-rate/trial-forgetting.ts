/** Estimates what a learning rate would forget in a whole run, from what it forgot in a short trial. Pure. */
import type { EvaluationPlan, Hyper } from '../../protocol/run.ts';

/**
 * The KL after a run, given the KL after a trial of fewer steps. On Qwen2.5-Coder-0.5B at 1e-4, where it matters, a KL
 * of 0.12 after a trial of 8 steps became 0.16 to 0.22 after a run of 60 steps. At 3e-5 it grows faster, but stays far
 * lower.
 */
const expectedKl = (kl: number, { trial, run }: Steps): number =>
  kl * Math.cbrt(Math.max(run, trial) / trial);

/** An adapter may be served at half its strength. */
const MIN_STRENGTH = 0.5;

/**
 * Share of the KL that is left at half the strength: from the base, KL goes with the square of the strength; from a
 * reference adapter, which has a KL itself, what is added goes at most in proportion (findings/strength-rule.ts).
 */
const leastShare = (method: Hyper['method'], klAtZero: number): number =>
  method === 'lora' ? MIN_STRENGTH ** (klAtZero > 0 ? 1 : 2) : 1;

interface Steps {
  trial: number;
  run: number;
}

/**
 * The highest KL, in nats per token, that a trial may have if its rate is to give a result that can be offered;
 * Infinity if the result is offered whatever it forgot. `klAtZero`: of what training begins with.
 */
export function maxTrialKl(
  { strength, strengthLimit }: Pick<EvaluationPlan, 'strength' | 'strengthLimit'>,
  method: Hyper['method'],
  steps: Steps,
  klAtZero = 0,
): number {
  if (strength !== 'measured') return Infinity;
  return klAtZero + (strengthLimit - klAtZero) / leastShare(method, klAtZero) / expectedKl(1, steps);
}
