/** Judges the claims from the evidence. Pure. */
import type { ClaimId, ClaimResult, Effect } from '../protocol/reproduction.ts';
import { formatRate } from '../training/learning-rate/choose.ts';
import { claims, type Claim } from './claims.ts';
import { verdictOf, type Judged, type MissingEffect } from './effects.ts';
import { runsOf, type Evidence } from './evidence.ts';
import { MIN_SEEDS } from './seeds.ts';
import { kindOf, stageOf, type StageName } from './stages.ts';
import { isVariant } from './variants.ts';

export interface Progress {
  evidence: Evidence;
  done: ReadonlySet<StageName>;
  /** Failed stages, and why. */
  failed: ReadonlyMap<StageName, string>;
  /** How many seeds were requested. */
  seeds: number;
  /** Why other stages are missing. */
  why: 'budget' | 'stopped';
}

export function judgeClaims(wanted: readonly ClaimId[], progress: Progress): ClaimResult[] {
  return claims.filter(({ id }) => wanted.includes(id)).map((claim) => judgeClaim(claim, progress));
}

function judgeClaim(claim: Claim, progress: Progress): ClaimResult {
  const { id, title, paper, needs, seeded } = claim;
  const { evidence, done, failed, why } = progress;
  const of = (seed: number) => needs.map((kind) => stageOf(kind, seed));
  const seeds = Array.from({ length: seeded ? seedsIn(done) : 1 }, (_, seed) => seed).filter((seed) =>
    of(seed).every((stage) => done.has(stage)),
  );
  const result = { claim: id, title, paper, run: describeRuns(claim, evidence, seeds) };
  if (seeds.length === 0) {
    const failedStage = of(0).find((stage) => failed.has(stage) && !done.has(stage));
    const reason = failedStage ? { why: failed.get(failedStage)! } : { why, left: true as const };
    return { ...result, verdict: 'not run', ...reason, effects: [], notes: [] };
  }
  const concluded = { ...result, ...conclude(claim.judge(evidence, seeds)) };
  if (!seeded) return concluded;
  const missing = Array.from({ length: progress.seeds }, (_, seed) => seed).filter(
    (seed) => !seeds.includes(seed),
  );
  const left = missing.some((seed) => !of(seed).some((stage) => failed.has(stage))) && {
    left: true as const,
  };
  if (seeds.length >= MIN_SEEDS) return { ...concluded, ...left };
  return { ...concluded, verdict: "can't tell", why: tooFew(seeds.length), ...left };
}

const seedsIn = (done: ReadonlySet<StageName>): number =>
  1 + Math.max(0, ...[...done].map((stage) => kindOf(stage).seed));

const tooFew = (seeds: number): string =>
  `Only ${seeds === 1 ? 'one seed was' : `${seeds} seeds were`} run, and others may give another result: a difference between runs is judged from ${MIN_SEEDS} seeds.`;

const isMissing = (effect: Effect | MissingEffect): effect is MissingEffect => 'missing' in effect;

/** An effect without an interval leaves the claim undecided, unless another effect contradicts it. */
function conclude({ effects: all, notes = [] }: Judged): Pick<ClaimResult, 'effects' | 'verdict' | 'notes'> {
  const effects = all.filter((effect): effect is Effect => !isMissing(effect));
  const missing = all.filter(isMissing);
  const verdict = verdictOf(effects);
  return {
    effects,
    verdict: missing.length > 0 && verdict === 'holds' ? "can't tell" : verdict,
    notes: [
      ...missing.map(
        ({ name }) => `No interval for "${name}": too little was learned, or too few items were measured.`,
      ),
      ...notes,
    ],
  };
}

/** "LoRA, r = 16 on all linear layers: 96 steps at 1e-3 (20261125-110317-lora-..., 20261125-111205-lora-...)" */
function describeRuns({ needs }: Claim, evidence: Evidence, seeds: readonly number[]): string[] {
  const shown = seeds.length > 0 ? seeds : [0];
  return needs.flatMap((kind) => {
    if (kind === 'sweep')
      return shown.flatMap((seed) => {
        const { spec, lines = [] } = evidence.sweeps[seed] ?? {};
        const trials = lines.filter(({ type }) => type === 'trial').length;
        return spec ? [`${trials} trials of ${spec.hyper.steps} steps (sweep ${spec.id})`] : [];
      });
    if (!isVariant(kind)) return [];
    const specs = shown.flatMap((seed) => runsOf(evidence, seed)[kind]?.spec ?? []);
    if (specs.length === 0) return [];
    const { steps, learningRate } = specs[0]!.hyper;
    const ids = specs.map(({ id }) => id).join(', ');
    return [`${evidence.variants[kind].title}: ${steps} steps at ${formatRate(learningRate)} (${ids})`];
  });
}
