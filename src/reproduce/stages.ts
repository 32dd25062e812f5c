/** What is done in one go, and in which order. */
import type { StageName } from './plan.ts';

/** In which stages are done: whatever most claims wait for first. */
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
  // It takes as long as several runs, and no other claim waits for it.
  'diversity',
  'lora-second-seed',
  'full-second-seed',
];
export const extras: StageName[] = ['lora-second-seed', 'full-second-seed'];
export const titles: Partial<Record<StageName, string>> = {
  data: 'benchmarks of the main runs',
  spectrum: 'singular values of what full fine-tuning changed',
  diversity: 'samples for HumanEval, 50 for each problem',
};
