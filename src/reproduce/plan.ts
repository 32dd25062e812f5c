/** Plans what fits into the time: which claims, how long the runs, how large the sweep. Pure. All times in seconds. */
import type { ClaimId, Method } from '../protocol/reproduction.ts';
import { stepsOf, type Variant, type VariantName } from './variants.ts';

/** A piece of work that is done once: a run, or a measurement on finished runs. */
export type StageName = VariantName | 'data' | 'spectrum' | 'diversity';

/** Costs on this machine, in seconds. */
export interface Costs {
  /** An optimiser step with one sequence. */
  step: Record<Method, number>;
  /** A run besides its steps: start, loading, writing, its evaluation at the end. */
  run: number;
  /** Measuring a run at one more point of its path. */
  point: number;
  /** The singular values of the base and of the full run's change. */
  spectrum: number;
  /** Sampling the replay text from the base. */
  sampling: number;
  /** Sampling and judging the programs of one model for one HumanEval problem. */
  problem: number;
  /** The benchmarks given with --data, on both main runs and the base. */
  data: number;
}

/** Shorter runs would hardly leave their warm-up; longer ones would need unrealistic budgets. */
export const LEAST_STEPS = 24;
export const MOST_STEPS = 1000;
/** Number of points of a path before its end. */
const POINTS = 3;
/** Number of models: base, LoRA and full. */
const DIVERSITY_MODELS = 3;

export interface Wanted {
  claim: ClaimId;
  needs: readonly StageName[];
}

export interface Planned {
  /** The stages, in order of execution. */
  stages: StageName[];
  /** Number of steps of a run of the usual length. */
  steps: number;
  /** Claims that do not fit, and the least time that each would need. */
  dropped: { claim: ClaimId; seconds: number }[];
}

export interface Planning {
  /** The most important first. */
  wanted: readonly Wanted[];
  /** Stages that are added if there is time; no claim needs them. */
  extras: readonly StageName[];
  variants: Record<VariantName, Variant>;
  costs: Costs;
  /** Number of HumanEval problems. */
  problems: number;
  /** Seconds left. */
  budget: number;
  mostSteps?: number;
  /** Stages that were done earlier. */
  done?: ReadonlySet<StageName>;
  /** The length of runs, if it was settled earlier. */
  steps?: number | undefined;
}

const isVariant = (stage: StageName, variants: Record<string, Variant>): stage is VariantName =>
  stage in variants;

export function secondsOf(
  stage: StageName,
  steps: number,
  { variants, costs, problems }: Pick<Planning, 'variants' | 'costs' | 'problems'>,
): number {
  if (isVariant(stage, variants)) {
    const variant = variants[stage];
    const sampling = variant.replay ? costs.sampling : 0;
    const points = variant.path ? POINTS * costs.point : 0;
    return stepsOf(variant, steps) * costs.step[variant.method] + costs.run + points + sampling;
  }
  if (stage === 'data') return costs.data;
  return stage === 'spectrum' ? costs.spectrum : DIVERSITY_MODELS * problems * costs.problem;
}

/**
 * Takes claim after claim, as long as all of them fit with the shortest runs (the first claim in any case). Then makes
 * the runs as long as time allows. Extras are taken only if the runs can still have twice the shortest length.
 */
export function planStages(planning: Planning): Planned {
  const { wanted, extras, budget, mostSteps = MOST_STEPS } = planning;
  const done = planning.done ?? new Set<StageName>();
  const total = (stages: Iterable<StageName>, steps: number) =>
    [...stages].reduce((sum, stage) => sum + (done.has(stage) ? 0 : secondsOf(stage, steps, planning)), 0);
  const least = planning.steps ?? LEAST_STEPS;
  let taken = new Set<StageName>();
  let dropped: Planned['dropped'] = [];
  for (const { claim, needs } of wanted) {
    const with_ = new Set([...taken, ...needs]);
    if (total(with_, least) <= budget) taken = with_;
    else dropped.push({ claim, seconds: total(new Set(needs), least) });
  }
  // The costs may be guessed too high, and started work is kept.
  const first = wanted.find(({ needs }) => needs.length > 0);
  if (taken.size === 0 && first) {
    taken = new Set(first.needs);
    dropped = dropped.filter(({ claim }) => claim !== first.claim);
  }
  const withExtras = new Set([...taken, ...extras]);
  const spare = planning.steps ?? 2 * LEAST_STEPS;
  if (taken.size > 0 && dropped.length === 0 && total(withExtras, spare) <= budget) taken = withExtras;
  let steps = planning.steps ?? LEAST_STEPS;
  if (planning.steps === undefined)
    while (steps + 4 <= mostSteps && total(taken, steps + 4) <= budget) steps += 4;
  return { stages: [...taken], steps, dropped };
}

/**
 * Half-decades relative to the default rate, in the order in which they are added. The best rate tends to lie above it.
 */
const offsets = [0, 1, 2, -1, 3];
const shapes = [
  { rates: 5, steps: 40, windows: 16 },
  { rates: 4, steps: 40, windows: 16 },
  { rates: 4, steps: 24, windows: 16 },
  { rates: 3, steps: 24, windows: 12 },
  { rates: 3, steps: 16, windows: 12 },
  { rates: 3, steps: 10, windows: 8 },
];

export interface SweepPlan {
  /** Steps per trial. */
  steps: number;
  windows: number;
  rates: Record<Method, number[]>;
}

/** The largest sweep of both methods that fits; undefined if none does. */
export function planSweep(
  budget: number,
  { step, windowSeconds, start }: { step: Costs['step']; windowSeconds: number; start: number },
  defaults: Record<Method, number>,
): SweepPlan | undefined {
  const chosen = shapes.find(({ rates, steps, windows }) => {
    const trial = (method: Method) => steps * step[method] + windows * windowSeconds + start;
    // Measuring the base on the tokens of each step and on the windows takes forward passes only.
    const base = (steps + windows) * windowSeconds;
    return rates * (trial('lora') + trial('full')) + 2 * base <= budget;
  });
  if (!chosen) return undefined;
  const grid = (rate: number) =>
    offsets
      .slice(0, chosen.rates)
      .map((offset) => halfDecades(rate, offset))
      .sort((a, b) => a - b);
  return {
    steps: chosen.steps,
    windows: chosen.windows,
    rates: { lora: grid(defaults.lora), full: grid(defaults.full) },
  };
}

/** The half-decade `offset` steps from `rate`: 3e-5 and 1 give 1e-4. */
function halfDecades(rate: number, offset: number): number {
  const index = Math.round(2 * Math.log10(rate)) + offset;
  return Number(`${index % 2 ? 3 : 1}e${Math.floor(index / 2)}`);
}
