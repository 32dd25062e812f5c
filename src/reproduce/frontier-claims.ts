/** The two claims of the paper's title, judged by what each method can reach over rates, lengths and strengths. */
import type { Method } from '../protocol/reproduction.ts';
import type { BaseLine } from '../protocol/sweep.ts';
import type { Means } from '../statistics/intervals.ts';
import { FORGETTING, averagedMetrics } from '../findings/forgetting-metric.ts';
import { windowParts } from '../training/sweep/choice.ts';
import { effect, effectOf, POSITIVE, type Judged, type Named } from './effects.ts';
import { baseOf, reachedBy, resultOf, runsOf, strataOf, type Evidence, type SeedRuns } from './evidence.ts';
import { atEqualForgetting, atEqualLearning, frontierOf, mostLearned, type Frontier } from './frontier.ts';
import { finishedTrials } from './rate-ratio.ts';
import { main } from './stages.ts';

export const LOSS = 'loss';
export const KL = 'KL from base';
export const NATS = 'nats/token';

/** Those of LoRA and of full fine-tuning, for one seed. */
type Frontiers = readonly [Frontier, Frontier];

const difference = ([lora, full]: readonly number[]) => full! - lora!;

/** All models of a method: points of its path, strengths of its result, and the result of the run at the lower rate. */
const modelsOf = (runs: SeedRuns, method: Method, task: string) => [
  ...reachedBy(runs[method]!, task),
  resultOf(runs[`${method}-lower-rate`]!, task),
];

/** A function that computes effects from the frontiers. */
function comparing(evidence: Evidence, seeds: readonly number[]) {
  const bySeed = seeds.map((seed) => runsOf(evidence, seed));
  const metrics = [
    { metric: LOSS, task: 'workspace' },
    { metric: KL, task: 'retention' },
  ];
  const strata = strataOf(
    bySeed.map((runs) =>
      metrics.map(({ metric, task }) => ({
        metric,
        sources: [baseOf(runs.lora!, task), ...main.flatMap((method) => modelsOf(runs, method, task))],
      })),
    ),
  );
  const countOf = (seed: number) => modelsOf(bySeed[seed]!, 'lora', 'workspace').length;
  return (named: Named, value: (frontiers: Frontiers) => number): Judged['effects'] =>
    effectOf(named, strata, ([losses, forgotten], seed) =>
      value(frontiersOf(losses!, forgotten!, countOf(seed))),
    );
}

/** `losses`, `forgotten`: of the base, then of `count` LoRA models, then of the fully fine-tuned ones. */
function frontiersOf(losses: readonly number[], forgotten: readonly number[], count: number): Frontiers {
  const points = losses.map((loss, i) => ({ learned: losses[0]! - loss, forgotten: forgotten[i]! }));
  return [frontierOf(points.slice(1, 1 + count)), frontierOf(points.slice(1 + count))];
}

const POINTS =
  'Each method has its frontier: the least forgotten for what is learned, over the quarters of its runs, the result at lower strengths, and a run at a lower rate.';

export function judgeForgetting(evidence: Evidence, seeds: readonly number[]): Judged {
  const compare = comparing(evidence, seeds);
  const name = 'KL from base at equal learning, full minus LoRA';
  const half = 'the same at half of that learning';
  const deciding = { unit: NATS, claimed: POSITIVE };
  const at = (share: number) => (frontiers: Frontiers) => difference(atEqualLearning(frontiers, share));
  return {
    effects: [
      ...compare({ name, ...deciding }, at(1)),
      ...compare({ name: half, ...deciding }, at(0.5)),
      ...overRates(evidence, seeds),
      ...averageEffect(evidence),
    ],
    notes: [POINTS],
  };
}

/**
 * The same over all rates of the sweep. Its trials measure the KL on the code that they learned from and not what they
 * forgot, so this does not count towards the verdict.
 */
function overRates({ sweeps }: Evidence, seeds: readonly number[]): Judged['effects'] {
  const found = seeds.flatMap((seed) => {
    const lines = sweeps[seed]?.lines ?? [];
    const base = lines.find((line): line is BaseLine => line.type === 'base');
    const [lora, full] = main.map((method) =>
      finishedTrials(lines, method).filter(({ kl }) => kl !== undefined),
    );
    return base && lora!.length > 0 && full!.length > 0 ? [{ base, lora: lora!, full: full! }] : [];
  });
  if (found.length === 0) return [];
  const strata = found.map(({ base, lora, full }) => [
    [base, ...lora, ...full].map(({ heldOut }) => windowParts(base, heldOut)),
  ]);
  const value = ([losses]: Means, seed: number) => {
    const { lora, full } = found[seed]!;
    const moved = [0, ...[...lora, ...full].map(({ kl }) => kl!)];
    return difference(atEqualLearning(frontiersOf(losses!, moved, lora.length), 1));
  };
  return effectOf(
    { name: 'the same over the rates of the sweep, KL on the learned code', unit: NATS },
    strata,
    value,
  );
}

/**
 * The paper's own measure, if benchmarks were given. It is measured on the results of one seed, where learning is not
 * equal, so it does not count towards the verdict.
 */
function averageEffect(evidence: Evidence): Judged['effects'] {
  const { lora, full } = runsOf(evidence, 0);
  const compared = averagedMetrics.map(({ task, metric }) => ({
    metric,
    sources: [lora, full].flatMap((run) => (run ? [resultOf(run, task)] : [])),
  }));
  const mean = (means: Means) => means.reduce((sum, [a, b]) => sum + (a! - b!), 0) / means.length;
  return effect({ name: `${FORGETTING} average at the end, LoRA minus full` }, [compared], mean);
}

export function judgeLearning(evidence: Evidence, seeds: readonly number[]): Judged {
  const compare = comparing(evidence, seeds);
  const lowest = 'lowest held-out loss, LoRA minus full';
  const equal = 'held-out loss at equal forgetting, LoRA minus full';
  return {
    effects: [
      ...compare({ name: lowest, unit: NATS, claimed: POSITIVE }, (frontiers) =>
        difference(frontiers.map(mostLearned)),
      ),
      ...compare({ name: equal, unit: NATS }, (frontiers) => difference(atEqualForgetting(frontiers))),
    ],
    notes: [POINTS],
  };
}
