import type { Hyper } from '../protocol/run.ts';

/** The cosine ends at this share of the peak (paper, section 3: "cosine to 0.01"). */
const COSINE_FLOOR = 0.01;
/** The inverse square root falls as after a warm-up of at least this share of the run. */
const MIN_SCALE = 0.1;

type Schedule = Pick<Hyper, 'learningRate' | 'schedule' | 'steps' | 'warmup' | 'cooldown'>;

/**
 * Learning rate of a step: linear warm-up to the peak, then the schedule. Steps count from 1, so the first step already
 * has a rate above zero, and the cool-down reaches zero just after the last.
 * @param step 1-based optimiser step, at most `hyper.steps`
 */
export function learningRateAt(step: number, hyper: Schedule): number {
  const warmupSteps = Math.round(hyper.warmup * hyper.steps);
  if (step <= warmupSteps) return (hyper.learningRate * step) / warmupSteps;
  if (hyper.schedule === 'cosine') return hyper.learningRate * cosine(step, warmupSteps, hyper.steps);
  const decayed = (at: number) =>
    hyper.learningRate * (hyper.schedule === 'constant' ? 1 : inverseSqrt(at, warmupSteps, hyper.steps));
  const cooldownSteps = Math.round(hyper.cooldown * hyper.steps);
  const last = Math.max(warmupSteps, hyper.steps - cooldownSteps);
  if (step <= last) return decayed(step);
  return (decayed(last) * (hyper.steps + 1 - step)) / (hyper.steps + 1 - last);
}

function cosine(step: number, warmupSteps: number, steps: number): number {
  const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
  return COSINE_FLOOR + (1 - COSINE_FLOOR) * 0.5 * (1 + Math.cos(Math.PI * progress));
}

/** 1 / sqrt((t - warm-up + scale) / scale), as in llm-foundry's InverseSquareRootWithWarmupScheduler. */
function inverseSqrt(step: number, warmupSteps: number, steps: number): number {
  const scale = Math.max(1, warmupSteps, MIN_SCALE * steps);
  return 1 / Math.sqrt((step - warmupSteps + scale) / scale);
}
