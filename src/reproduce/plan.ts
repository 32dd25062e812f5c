/**
 * Plans what fits into the time: claims, seeds, the length of runs, the size of the sweep. The sweep, which comes first
 * and gets a quarter, shows how long a step takes; without time for one, runs have the default rates. Pure. All times
 * in seconds.
 */
import type { ClaimId, Method } from '../protocol/reproduction.ts';
import { halfDecadesAbove } from '../training/sweep/choice.ts';
import { MIN_SEEDS } from './seeds.ts';
import { kindOf, stageOf, type Kind, type StageName } from './stages.ts';
import { isVariant, stepsOf, type Variant, type VariantName } from './variants.ts';

/** Costs on this machine, in seconds. */
export interface Costs {
  /** An optimiser step with one sequence. */
  step: Record<Method, number>;
  /** A run apart from its steps: start, loading, writing, and the final evaluation. */
  run: number;
  /** Measuring a run at one more point of its path. */
  point: number;
  /** Another sweep near the first one's best rates. */
  sweep: number;
  /** Measuring both main runs at lower strengths. */
  strengths: number;
  /** Cutting the full fine-tune's change to low ranks, and measuring each. */
  spectrum: number;
  /** Sampling the replay text from the base. */
  sampling: number;
  /** Sampling and judging the programs of one model for one HumanEval problem. */
  problem: number;
  /** The benchmarks given with --data, on both main runs and the base. */
  data: number;
}

/** Shorter runs would barely finish their warm-up; longer ones would need unrealistic budgets. */
export const MIN_STEPS = 24;
const MAX_STEPS = 1000;
/** Number of points of a path before its end. */
const POINTS = 3;
/** Number of models: base, LoRA and full. */
const DIVERSITY_MODELS = 3;

interface Wanted {
  claim: ClaimId;
  /** Stages needed for each seed. */
  needs: readonly Kind[];
  /** Stages needed for the first seed only. */
  once?: readonly Kind[];
  /** Whether it is judged from several seeds. */
  seeded: boolean;
}

export interface Planned {
  /** Stages in order of execution: those of the most important claims first, with all their seeds. */
  stages: StageName[];
  /** Number of steps of a normal run. */
  steps: number;
  /** Claims that do not fit, and the minimum time that each would need. */
  dropped: { claim: ClaimId; seconds: number }[];
  /** Claims with time for only one seed, which can't decide them. */
  undecided: ClaimId[];
}

export interface Planning {
  /** Most important first. */
  wanted: readonly Wanted[];
  /** The number of seeds requested; by default as many as a claim needs if they fit, else one. */
  seeds?: number | undefined;
  variants: Record<VariantName, Variant>;
  costs: Costs;
  problems: number;
  /** Seconds left. */
  budget: number;
  mostSteps?: number;
  /** Stages that were done earlier. */
  done?: ReadonlySet<StageName>;
  /** The length of runs, if already decided. */
  steps?: number | undefined;
}

export function secondsOf(
  stage: StageName,
  steps: number,
  { variants, costs, problems }: Pick<Planning, 'variants' | 'costs' | 'problems'>,
): number {
  const { kind } = kindOf(stage);
  if (isVariant(kind)) {
    const variant = variants[kind];
    const sampling = variant.replay ? costs.sampling : 0;
    const points = variant.path ? POINTS * costs.point : 0;
    return stepsOf(variant, steps) * costs.step[variant.method] + costs.run + points + sampling;
  }
  return kind === 'diversity' ? DIVERSITY_MODELS * problems * costs.problem : costs[kind];
}

const stagesOf = ({ needs, once = [] }: Wanted, seeds: number): StageName[] => [
  ...Array.from({ length: seeds }, (_, seed) => needs.map((kind) => stageOf(kind, seed))).flat(),
  ...once,
];

/**
 * Adds claims in order as long as all fit with the shortest runs (the first in any case), each with enough seeds to
 * decide it, else with one. Then makes runs as long as time allows.
 */
export function planStages(planning: Planning): Planned {
  const { wanted, seeds, budget, mostSteps = MAX_STEPS } = planning;
  const done = planning.done ?? new Set<StageName>();
  const total = (stages: Iterable<StageName>, steps: number) =>
    [...stages].reduce((sum, stage) => sum + (done.has(stage) ? 0 : secondsOf(stage, steps, planning)), 0);
  const minSteps = planning.steps ?? MIN_STEPS;
  let taken = new Set<StageName>();
  let dropped: Planned['dropped'] = [];
  const undecided: ClaimId[] = [];
  for (const id of wanted) {
    const { claim, seeded } = id;
    const choices = !seeded ? [1] : seeds === undefined ? [MIN_SEEDS, 1] : [seeds];
    const chosen = choices.find((n) => total(new Set([...taken, ...stagesOf(id, n)]), minSteps) <= budget);
    if (chosen === undefined)
      dropped.push({ claim, seconds: total(stagesOf(id, choices.at(-1)!), minSteps) });
    else taken = new Set([...taken, ...stagesOf(id, chosen)]);
    if (chosen !== undefined && seeded && chosen < MIN_SEEDS) undecided.push(claim);
  }
  // The first claim is always planned: the estimates may be too high, and work that was started is kept.
  const first = wanted.find(({ needs }) => needs.some((kind) => isVariant(kind)));
  if (taken.size === 0 && first) {
    taken = new Set(stagesOf(first, first.seeded ? (seeds ?? 1) : 1));
    dropped = dropped.filter(({ claim }) => claim !== first.claim);
  }
  let steps = minSteps;
  if (planning.steps === undefined)
    while (steps + 4 <= mostSteps && total(taken, steps + 4) <= budget) steps += 4;
  return { stages: [...taken], steps, dropped, undecided };
}

/**
 * Offsets from the default rate in half-decades, in the order in which they are added. The best rate tends to be
 * higher.
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
    // Measuring the base on the tokens of each step and on the windows takes only forward passes.
    const base = (steps + windows) * windowSeconds;
    return rates * (trial('lora') + trial('full')) + 2 * base <= budget;
  });
  if (!chosen) return undefined;
  const grid = (rate: number) =>
    offsets
      .slice(0, chosen.rates)
      .map((offset) => halfDecadesAbove(rate, offset))
      .sort((a, b) => a - b);
  return {
    steps: chosen.steps,
    windows: chosen.windows,
    rates: { lora: grid(defaults.lora), full: grid(defaults.full) },
  };
}

/** Maximum rates per method in a sweep with another seed. */
export const FURTHER_RATES = 3;

/** The best rate and its neighbours in the grid, ascending; the middle of the grid if there is no best rate. */
export function nearBest(grid: readonly number[], best: number | undefined): number[] {
  const at = best === undefined ? Math.floor(grid.length / 2) : grid.indexOf(best);
  const from = Math.max(0, Math.min(at - 1, grid.length - FURTHER_RATES));
  return grid.slice(from, from + FURTHER_RATES);
}
