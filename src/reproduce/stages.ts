/** The stages of a reproduction and their order. */
import type { StageName } from './plan.ts';

/** Order of the stages: those that most claims need come first. */
export const order: readonly StageName[] = [
  'lora',
  'full',
  'data',
  'lora-attention',
  'lora-mlp',
  'spectrum',
  'lora-high-rank',
  'full-weight-decay',
  'full-attention-dropout',
  'lora-replay',
  'lora-instruct',
  'full-instruct',
  // It takes as long as several runs, and no other claim needs it.
  'diversity',
  'lora-second-seed',
  'full-second-seed',
];
export const extras: StageName[] = ['lora-second-seed', 'full-second-seed'];
export const titles: Partial<Record<StageName, string>> = {
  data: 'benchmarks of the main runs',
  spectrum: 'singular values of the change by full fine-tuning',
  diversity: 'samples for HumanEval, 50 per problem',
};
