/**
 * The stages of a reproduction. A stage is a unit of work that is done once: a run, a sweep, or a measurement of
 * finished runs. The same work with another seed is a separate stage.
 */
import { PART_RANKS, type VariantName } from './variants.ts';

/**
 * `strengths`: the main runs with their changes scaled. `spectrum`: the full fine-tune with its change cut to low
 * ranks. `data`: the benchmarks given with --data.
 */
export type Kind = VariantName | 'sweep' | 'strengths' | 'spectrum' | 'diversity' | 'data';
/** "lora" is the stage of seed 0. */
export type StageName = Kind | `${Kind}-seed-${number}`;

/** The two runs that most claims need. */
export const main = ['lora', 'full'] as const;

export const stageOf = <K extends Kind>(kind: K, seed: number): K | `${K}-seed-${number}` =>
  seed === 0 ? kind : `${kind}-seed-${seed}`;

export function kindOf(stage: StageName): { kind: Kind; seed: number } {
  const [kind, seed = '0'] = stage.split('-seed-') as [Kind, string?];
  return { kind, seed: Number(seed) };
}

const titles: Partial<Record<Kind, string>> = {
  sweep: 'learning-rate sweep, repeated',
  strengths: 'the main runs at lower strengths',
  spectrum: `the change by full fine-tuning, cut to rank ${PART_RANKS.join(', ')}`,
  diversity: 'samples for HumanEval, 50 per problem',
  data: 'benchmarks of the main runs',
};

/** "LoRA, MLP only, seed 1" */
export function titleOf(stage: StageName, variants: Record<VariantName, { title: string }>): string {
  const { kind, seed } = kindOf(stage);
  const title = titles[kind] ?? variants[kind as VariantName].title;
  return seed === 0 ? title : `${title}, seed ${seed}`;
}
