import type { Hyper } from '../protocol/run.ts';

/** The cosine ends at this share of the peak (paper, section 3: "cosine to 0.01"). */
const FLOOR = 0.01;

/**
 * Learning rate of a step.
 * @param step 1-based optimiser step, at most `hyper.steps`
 */
export function learningRateAt(
  step: number,
  hyper: Pick<Hyper, 'learningRate' | 'schedule' | 'steps' | 'warmup'>,
): number {
  const warmupSteps = Math.round(hyper.warmup * hyper.steps);
  if (step <= warmupSteps) return (hyper.learningRate * step) / warmupSteps;
  if (hyper.schedule === 'constant') return hyper.learningRate;
  const progress = (step - warmupSteps) / Math.max(1, hyper.steps - warmupSteps);
  return hyper.learningRate * (FLOOR + (1 - FLOOR) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
