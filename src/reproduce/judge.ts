/** Judges the claims by the evidence. Pure. */
import type { ClaimId, ClaimResult, Effect } from '../protocol/reproduction.ts';
import { formatRate } from '../training/learning-rate/choose.ts';
import { claims, type Claim } from './claims.ts';
import { verdictOf, type Judged, type MissingEffect } from './effects.ts';
import type { Evidence } from './evidence.ts';
import type { StageName } from './plan.ts';
import type { VariantName } from './variants.ts';

export interface Standing {
  evidence: Evidence;
  /** The stages that are done. */
  done: ReadonlySet<StageName>;
  /** Why a stage failed. */
  failed: ReadonlyMap<StageName | 'sweep', string>;
  /** Why the other stages are missing: "budget", "stopped". */
  why: string;
}

export function judgeClaims(wanted: readonly ClaimId[], standing: Standing): ClaimResult[] {
  return claims.filter(({ id }) => wanted.includes(id)).map((claim) => judgeClaim(claim, standing));
}

function judgeClaim(claim: Claim, standing: Standing): ClaimResult {
  const { id, title, paper, needs } = claim;
  const { evidence, done, failed, why } = standing;
  const result = { claim: id, title, paper, run: whatWasRun(claim, evidence) };
  const nothing = { ...result, verdict: 'not run' as const, effects: [], notes: [] };
  const broken = [...needs, ...(id === 'rates' ? (['sweep'] as const) : [])].find((stage) =>
    failed.has(stage),
  );
  if (broken) return { ...nothing, why: failed.get(broken)! };
  if (!needs.every((stage) => done.has(stage)) || (id === 'rates' && !evidence.sweep))
    return { ...nothing, why };
  return { ...result, ...conclude(claim.judge(evidence)) };
}

const isMissing = (effect: Effect | MissingEffect): effect is MissingEffect => 'missing' in effect;

/** An effect without an interval leaves a claim open, unless another one contradicts it. */
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

/** "LoRA, r = 16 on all linear layers: 96 steps at 1e-3 (20261125-110317-lora-...)" */
function whatWasRun({ id, needs }: Claim, { variants, runs, sweep }: Evidence): string[] {
  const trials = sweep?.lines.filter(({ type }) => type === 'trial').length ?? 0;
  if (id === 'rates')
    return sweep ? [`${trials} trials of ${sweep.spec.hyper.steps} steps (sweep ${sweep.spec.id})`] : [];
  return needs.flatMap((stage) => {
    const run = runs[stage as VariantName];
    if (!run) return [];
    const { hyper, id: runId } = run.spec;
    const { title } = variants[stage as VariantName];
    return [`${title}: ${hyper.steps} steps at ${formatRate(hyper.learningRate)} (${runId})`];
  });
}
