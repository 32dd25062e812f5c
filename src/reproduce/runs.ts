/** The specs of a reproduction's runs and sweep, which are ordinary ones. */
import type { ReproductionSpec } from '../protocol/reproduction.ts';
import { corpusPlanSchema, hyperSchema, type Hyper } from '../protocol/run.ts';
import { sweepSpecSchema } from '../protocol/sweep.ts';
import type { NewRun } from '../runs/index.ts';
import type { NewSweep } from '../training/sweep/store.ts';
import type { SweepPlan } from './plan.ts';
import { decayOver, stepsOf, type Variant } from './variants.ts';

export interface PlannedRun {
  spec: NewRun;
  /** Whether it learns from instruction pairs instead of text. */
  instruct: boolean;
}

/** Number of equal parts of a path; the run is measured after each. */
const QUARTERS = 4;
/** Effectively no limit on measuring time (relative to training time), since measuring is the purpose of these runs. */
const NO_LIMIT = 100;

export function newRun(
  repro: ReproductionSpec,
  variant: Variant,
  { steps: usual, learningRate, seed }: { steps: number; learningRate: number; seed: number },
): PlannedRun {
  const { method, title, instruct = false, replay, path = false, decayed = false } = variant;
  const steps = stepsOf(variant, usual);
  const evalEvery = path ? steps / QUARTERS : steps;
  return {
    instruct,
    spec: {
      name: `reproduce: ${title}${seed === 0 ? '' : `, seed ${seed}`}`,
      folder: repro.folder,
      corpus: corpusPlanSchema.parse({
        ...(instruct ? instructPlan(repro) : repro.corpus),
        ...(replay && { replay }),
      }),
      learningRateReason: 'set by the reproduction that it belongs to',
      base: repro.base,
      hyper: hyperSchema.parse({
        ...shared(repro, method),
        learningRate,
        steps,
        evalEvery,
        seed,
        ...(decayed && { weightDecay: decayOver(steps) }),
        ...variant.hyper,
      }),
      backend: repro.backend,
      evaluation: {
        heldOutWindows: repro.heldOutWindows,
        retentionTexts: repro.retentionTexts,
        humanevalProblems: 0,
        completions: false,
        ...(path && {
          checkpointTasks: ['workspace', 'retention'],
          checkpointEvery: evalEvery,
          checkpointShare: NO_LIMIT,
        }),
      },
      versions: repro.versions,
    },
  };
}

/** Instructions derived from the documented functions of the same files. */
export const instructPlan = ({ corpus: { include, exclude, maxTokens } }: Pick<ReproductionSpec, 'corpus'>) =>
  corpusPlanSchema.parse({ mode: 'instruct', pairs: ['functions'], include, exclude, maxTokens });

const shared = ({ sequenceLength, precision, recompute }: ReproductionSpec, method: Hyper['method']) => ({
  method,
  sequenceLength,
  recompute,
  precision: precision[method],
});

export function newSweep(
  repro: ReproductionSpec,
  { rank, alpha }: Pick<Hyper, 'rank' | 'alpha'>,
  { steps, windows, rates }: SweepPlan,
  seed = 0,
): NewSweep {
  const hyper = sweepSpecSchema.shape.hyper.parse({
    sequenceLength: repro.sequenceLength,
    recompute: repro.recompute,
    rank,
    alpha,
    steps,
    evalEvery: steps,
    seed,
  });
  return {
    folder: repro.folder,
    corpus: repro.corpus,
    corpusDigest: repro.corpusDigest,
    base: repro.base,
    methods: (['lora', 'full'] as const).map((method) => ({
      method,
      precision: repro.precision[method],
      rates: rates[method],
    })),
    extend: false,
    hyper,
    backend: repro.backend,
    heldOutWindows: windows,
    versions: repro.versions,
  };
}
