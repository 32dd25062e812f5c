/** The model's interface for the training loop and the scorer. */
import type { StoredWeight } from './stored-weight.ts';
import type { Backend, Tensor } from '../tensor/backend.ts';
import type { ModelConfig } from './config.ts';

/** `rows` sequences of `length` + 1 tokens each, concatenated. */
export interface Batch {
  rows: number;
  length: number;
  /** [rows x (length + 1)] */
  tokens: Int32Array;
  /** [rows x length]: 1 for predictions that count in the loss, else 0. Default: all count. */
  learned?: Uint8Array;
  /** [rows x length]: where in its row each input's document begins; attention sees nothing before it. Default: 0. */
  starts?: Int32Array;
}

export interface ModelOptions {
  /** `none`: all weights are frozen. */
  method: 'lora' | 'full' | 'none';
  rank: number;
  /** LoRA's alpha: see `scaling`. */
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
  /** To read an adapter whose layers differ in rank: `rank` is the largest and may exceed a matrix's smaller side. */
  anyRank?: boolean;
  /** Seed of LoRA's A. */
  seed: number;
  /**
   * Type of frozen weights and large products; parameters, gradients and the residual stream are always f32. With f16,
   * all tensors are f32 and large products round what they multiply.
   */
  precision: 'f32' | 'bf16' | 'f16';
}

/**
 * One trained tensor. LoRA: `blk.0.attn_q.lora_a` [rank, in] and `blk.0.attn_q.lora_b` [out, rank];
 * full fine-tuning: GGUF's names and shapes.
 */
export interface Parameter {
  name: string;
  shape: number[];
}

/** A trained tensor as the optimiser sees it; several parameters may share one slot. */
export interface Slot {
  name: string;
  value: Tensor;
  /** Sum since the last `zeroGradients`; undefined means zero. */
  gradient: Tensor | undefined;
}

/** Whether x is a trained tensor, not a frozen one. */
export const isSlot = (x: Tensor | Slot | StoredWeight): x is Slot => 'gradient' in x;

export interface LossOptions {
  /** [T - 1] as in Batch. */
  starts?: Int32Array | undefined;
  /** Compute only the losses of this many last tokens, which saves much of a pass. Default: of all. */
  last?: number | undefined;
}

/** What a model expected at tokens of a text, each after all true tokens before it. */
export interface Predictions {
  /** Loss of the true token, in nats. */
  losses: Float32Array;
  /** The token that it would have written. */
  mostLikely: Int32Array;
}

export interface Model {
  readonly config: ModelConfig;
  readonly parameters: readonly Parameter[];
  /** Number of trained numbers. */
  readonly parameterCount: number;
  /**
   * Processes one micro-batch: adds lossWeight x (gradient of the summed loss of the learned tokens) to the
   * gradients. Returns `lossSum` in nats and the number of learned `tokens`. The same `seed` gives the same dropout.
   * Throws an Error if the batch has a wrong length or a token outside the vocabulary.
   */
  accumulate(
    batch: Batch,
    options: { seed: [number, number]; lossWeight: number },
  ): Promise<{ lossSum: number; tokens: number }>;
  /** L2 norm over all accumulated gradients. */
  gradientNorm(): Promise<number>;
  zeroGradients(): void;
  /** From now on nothing is rounded to f16: for a model with numbers that are too large for it. */
  leaveF16(): void;
  /**
   * Loss of each token after the first, in nats, without dropout: length T - 1. `base`: without the adapter (LoRA
   * only). Throws an Error if there are no tokens or one is outside the vocabulary, like the methods below.
   */
  tokenLosses(tokens: Int32Array, options?: LossOptions & { base?: boolean }): Promise<Float32Array>;
  /** At the `last` tokens. */
  predictions(tokens: Int32Array, options: { last: number; base?: boolean }): Promise<Predictions>;
  /** The distribution after each token: T arrays of the vocabulary's size. `base`: without the adapter (LoRA only). */
  probabilities(tokens: Int32Array, base?: boolean): Promise<Float32Array[]>;
  /** KL(base || tuned) after each token, in nats: length T. Throws an Error for a fully fine-tuned model. */
  tokenKl(tokens: Int32Array): Promise<Float32Array>;
  /** A parameter's values. Throws an Error if there is no such parameter. */
  read(name: string): Promise<Float32Array>;
  /** Copies `values` into a parameter. Throws an Error if it does not exist or has another size. */
  write(name: string, values: Float32Array): void;
  dispose(): void;
}

/** What the optimiser needs as well. */
export interface TrainableModel extends Model {
  readonly backend: Backend;
  readonly slots: readonly Slot[];
  /** Puts `value` into a slot and frees the old one, unless `value` is the old one, changed in place. */
  replace(slot: Slot, value: Tensor): void;
}
