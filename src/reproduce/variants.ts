/** The runs by which claims are judged. Each is made once, even if several claims need it. */
import { moduleNames, type CorpusPlan, type Hyper } from '../protocol/run.ts';

export interface Variant {
  /** Name for display: "LoRA, attention only". */
  title: string;
  method: Hyper['method'];
  /** Settings other than the defaults, which follow the paper's advice. */
  hyper?: Partial<Hyper>;
  /** True if it learns from instruction pairs of the folder instead of its text. */
  instruct?: boolean;
  replay?: NonNullable<CorpusPlan['replay']>;
  /** Number of steps, as a multiple of the usual length. */
  length?: number;
  /** True if it is also measured at quarters of its length. */
  path?: boolean;
}

export const RANK = 16;
/** The high rank, if the base's matrices allow it. */
const HIGH_RANK = 64;
const REPLAY_RATE = 0.25;
const mlp = ['gate', 'up', 'down'];
const attention = moduleNames.filter((name) => !mlp.includes(name));
const ofRank = (rank: number) => ({ rank, alpha: 2 * rank });

export const variantNames = [
  'lora',
  'full',
  'lora-attention',
  'lora-mlp',
  'lora-high-rank',
  'full-weight-decay',
  'full-attention-dropout',
  'lora-replay',
  'lora-instruct',
  'full-instruct',
  'lora-second-seed',
  'full-second-seed',
] as const;
export type VariantName = (typeof variantNames)[number];

/** `largestRank`: the largest possible rank of the base's smallest matrix. The claim about rank needs more than 16. */
export function variantsFor(largestRank: number) {
  const rank = Math.min(RANK, largestRank);
  const high = Math.min(HIGH_RANK, largestRank);
  const lora = { method: 'lora', hyper: ofRank(rank) } as const;
  const full = { method: 'full' } as const;
  return {
    lora: { ...lora, title: `LoRA, r = ${rank} on all linear layers`, path: true },
    full: { ...full, title: 'full fine-tuning', path: true },
    'lora-attention': {
      ...lora,
      title: 'LoRA, attention only',
      hyper: { ...ofRank(rank), targets: attention },
    },
    'lora-mlp': { ...lora, title: 'LoRA, MLP only', hyper: { ...ofRank(rank), targets: mlp } },
    'lora-high-rank': { ...lora, title: `LoRA, r = ${high}`, hyper: ofRank(high) },
    // The larger values in the paper's figure 6. LionW's weight decay is independent of the learning rate.
    'full-weight-decay': {
      ...full,
      title: 'full fine-tuning, weight decay 1e-4',
      hyper: { weightDecay: 1e-4 },
    },
    'full-attention-dropout': {
      ...full,
      title: 'full fine-tuning, attention dropout 0.1',
      hyper: { attentionDropout: 0.1 },
    },
    // Longer, so that it reads as much workspace text as without replay.
    'lora-replay': {
      ...lora,
      title: `LoRA, ${100 * REPLAY_RATE}% replay of the base's own text`,
      replay: { source: 'base', rate: REPLAY_RATE },
      length: 1 / (1 - REPLAY_RATE),
    },
    'lora-instruct': { ...lora, title: 'LoRA on instructions', instruct: true },
    'full-instruct': { ...full, title: 'full fine-tuning on instructions', instruct: true },
    'lora-second-seed': {
      ...lora,
      title: 'LoRA, another seed',
      hyper: { ...ofRank(rank), seed: 1 },
      path: true,
    },
    'full-second-seed': { ...full, title: 'full fine-tuning, another seed', hyper: { seed: 1 }, path: true },
  } satisfies Record<VariantName, Variant>;
}

/** Optimiser steps of a variant if the usual length is `steps`; a multiple of 4. */
export const stepsOf = ({ length = 1 }: Variant, steps: number): number =>
  4 * Math.ceil((length * steps) / 4);
