/** The runs by which claims are judged. Each is trained once per seed, even if several claims need it. */
import { moduleNames, type CorpusPlan, type Hyper } from '../protocol/run.ts';

export interface Variant {
  /** Name for display: "LoRA, attention only". */
  title: string;
  method: Hyper['method'];
  /** Settings other than the defaults, which follow the paper's advice. */
  hyper?: Partial<Hyper>;
  /** Whether it is trained at half a decade below the method's rate. */
  lowerRate?: boolean;
  /** Whether weight decay is scaled so that weights shrink as much as in the paper's longer runs. */
  decayed?: boolean;
  /** Whether it learns from instruction pairs of the folder instead of its text. */
  instruct?: boolean;
  replay?: NonNullable<CorpusPlan['replay']>;
  /** Number of steps relative to a normal run. */
  length?: number;
  /** Whether it is also measured after each quarter. */
  path?: boolean;
}

const RANK = 16;
/** The high rank, as far as the base's matrices allow. */
const HIGH_RANK = 64;
const REPLAY_RATE = 0.25;
const mlp = ['gate', 'up', 'down'];
const attention = moduleNames.filter((name) => !mlp.includes(name));
const ofRank = (rank: number) => ({ rank, alpha: 2 * rank });

/** Strengths at which the main runs are measured, besides 1. */
export const STRENGTHS = [0.5, 0.75];
/** Ranks to which the full fine-tune's change is cut, as far as the base's matrices have a higher one. */
export const PART_RANKS = [RANK, 64, 256];

/** The larger of the two values in the paper's figure 6. */
const PAPER_DECAY = 1e-4;
/** Steps of the paper's instruction tuning: four epochs of 110,000 samples in batches of 192. */
const PAPER_STEPS = Math.round((4 * 110_000) / 192);

/**
 * LionW's weight decay for a run of `steps` steps whose weights shrink as much as in the paper's runs: 1 - (1 -
 * decay)^steps is the same. The schedules have the same shape, so they scale the decay equally.
 */
export const decayOver = (steps: number): number => 1 - (1 - PAPER_DECAY) ** (PAPER_STEPS / steps);

export const variantNames = [
  'lora',
  'full',
  'lora-lower-rate',
  'full-lower-rate',
  'lora-attention',
  'lora-mlp',
  'lora-high-rank',
  'full-weight-decay',
  'full-attention-dropout',
  'lora-replay',
  'lora-instruct',
  'full-instruct',
] as const;
export type VariantName = (typeof variantNames)[number];

export const isVariant = (kind: string): kind is VariantName =>
  (variantNames as readonly string[]).includes(kind);

/** `largestRank`: the maximum rank of the base's smallest matrix. The claim about rank needs more than 16. */
export function variantsFor(largestRank: number) {
  const rank = Math.min(RANK, largestRank);
  const high = Math.min(HIGH_RANK, largestRank);
  const lora = { method: 'lora', hyper: ofRank(rank) } as const;
  const full = { method: 'full' } as const;
  return {
    lora: { ...lora, title: `LoRA, r = ${rank} on all linear layers`, path: true },
    full: { ...full, title: 'full fine-tuning', path: true },
    'lora-lower-rate': { ...lora, title: 'LoRA, lower rate', lowerRate: true },
    'full-lower-rate': { ...full, title: 'full fine-tuning, lower rate', lowerRate: true },
    'lora-attention': {
      ...lora,
      title: 'LoRA, attention only',
      hyper: { ...ofRank(rank), targets: attention },
    },
    'lora-mlp': { ...lora, title: 'LoRA, MLP only', hyper: { ...ofRank(rank), targets: mlp } },
    'lora-high-rank': { ...lora, title: `LoRA, r = ${high}`, hyper: ofRank(high) },
    'full-weight-decay': {
      ...full,
      title: `full fine-tuning, total weight decay equal to ${PAPER_DECAY} over ${PAPER_STEPS} steps`,
      decayed: true,
    },
    // The larger value in the paper's figure 6.
    'full-attention-dropout': {
      ...full,
      title: 'full fine-tuning, attention dropout 0.1',
      hyper: { attentionDropout: 0.1 },
    },
    // Longer, so that it trains on as much workspace text as without replay.
    'lora-replay': {
      ...lora,
      title: `LoRA, ${100 * REPLAY_RATE}% replay of the base's own text`,
      replay: { source: 'base', rate: REPLAY_RATE },
      length: 1 / (1 - REPLAY_RATE),
    },
    'lora-instruct': { ...lora, title: 'LoRA on instructions', instruct: true },
    'full-instruct': { ...full, title: 'full fine-tuning on instructions', instruct: true },
  } satisfies Record<VariantName, Variant>;
}

/** Optimiser steps of a variant if a normal run has `steps`; a multiple of 4. */
export const stepsOf = ({ length = 1 }: Variant, steps: number): number =>
  4 * Math.ceil((length * steps) / 4);
