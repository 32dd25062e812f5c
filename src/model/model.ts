/** What the training loop and the scorer see of a model. */
import type { Backend, Tensor } from '../tensor/backend.ts';
import type { ModelConfig } from './config.ts';

/** `rows` sequences of `length` + 1 tokens, one after another. */
export interface Batch {
  rows: number;
  length: number;
  /** [rows x (length + 1)] */
  tokens: Int32Array;
  /** [rows x length]: which predictions count; all without. */
  learned?: Uint8Array;
  /** [rows x length]: where in its row each input's document begins; attention goes no further back. 0 without. */
  starts?: Int32Array;
}

export interface ModelOptions {
  /** `none` holds frozen weights only. */
  method: 'lora' | 'full' | 'none';
  rank: number;
  /** LoRA's scale is alpha / rank. */
  alpha: number;
  /** On LoRA's input, in training only. */
  dropout: number;
  /** Module names or patterns over GGUF's names: see targets.ts. */
  targets: readonly string[];
  /** LoRA's scale: alpha / rank, or alpha / sqrt(rank). */
  scaling?: 'standard' | 'rank-stabilised';
  /** On attention probabilities, in training only. */
  attentionDropout?: number;
  /** Keep only each block's input and compute the rest again in the backward pass. */
  recompute?: boolean;
  /** For reading an adapter whose layers differ in rank: `rank` is the largest, and may be above a matrix's side. */
  anyRank?: boolean;
  /** Of LoRA's A. */
  seed: number;
  /** Of frozen weights and large products; parameters, gradients and the residual stream are f32 always. */
  precision: 'f32' | 'bf16';
}

/**
 * One trained tensor. LoRA: `blk.0.attn_q.lora_a` [rank, in] and `blk.0.attn_q.lora_b` [out, rank];
 * full fine-tuning: GGUF's names and shapes.
 */
export interface Parameter {
  name: string;
  shape: number[];
}

/** A trained tensor as the optimiser sees it; several parameters may share one. */
export interface Slot {
  name: string;
  value: Tensor;
  /** Sum since the last `zeroGradients`; undefined is zero. */
  gradient: Tensor | undefined;
}

/** A trained tensor, not a frozen one. */
export const isSlot = (x: Tensor | Slot): x is Slot => 'gradient' in x;

export interface LossOptions {
  /** [T - 1] as in Batch. */
  starts?: Int32Array | undefined;
  /** Only the losses of so many tokens at the end: the vocabulary is a large share of a pass. Default: of all. */
  last?: number | undefined;
}

export interface Model {
  readonly config: ModelConfig;
  readonly parameters: readonly Parameter[];
  /** Numbers trained. */
  readonly parameterCount: number;
  /**
   * One micro-batch. Adds lossWeight x (gradient of the summed loss of the learned tokens) to the gradients.
   * `lossSum` in nats, `tokens` that were learned. `seed` makes dropout the same again.
   */
  accumulate(
    batch: Batch,
    options: { seed: [number, number]; train: boolean; lossWeight: number },
  ): Promise<{ lossSum: number; tokens: number }>;
  /** L2 norm over all accumulated gradients. */
  gradientNorm(): Promise<number>;
  zeroGradients(): void;
  /**
   * Loss of each token after the first, nats, no dropout: length T - 1. `base`: without the adapter (LoRA only).
   */
  tokenLosses(tokens: Int32Array, options?: LossOptions & { base?: boolean }): Promise<Float32Array>;
  /** The distribution after each token: T rows of the vocabulary. `base`: without the adapter (LoRA only). */
  probabilities(tokens: Int32Array, base?: boolean): Promise<Float32Array[]>;
  /** KL(base || tuned) after each token, nats: length T. LoRA only. */
  tokenKl(tokens: Int32Array): Promise<Float32Array>;
  read(name: string): Promise<Float32Array>;
  /** Copies `values` in. */
  write(name: string, values: Float32Array): void;
  dispose(): void;
}

/** What the optimiser needs besides. */
export interface TrainableModel extends Model {
  readonly backend: Backend;
  readonly slots: readonly Slot[];
  /** Puts a value in a slot, which may be the old one, changed in place; another old one is freed. */
  replace(slot: Slot, value: Tensor): void;
}
