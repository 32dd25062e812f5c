/** The interface of a model for training and scoring. */
import type { StoredWeight } from './stored-weight.ts';
import type { Backend, Tensor } from '../tensor/backend.ts';
import type { ModelConfig } from './config.ts';

/** `rows` sequences of `length` + 1 tokens each, concatenated. */
export interface Batch {
  rows: number;
  length: number;
  /** [rows x (length + 1)] */
  tokens: Int32Array;
  /** [rows x length]: 1 for predictions that count in the loss, else 0. By default, all count. */
  learned?: Uint8Array;
  /** [rows x length]: start of each input's document within its row, a bound for attention. By default, 0. */
  starts?: Int32Array;
}

export interface ModelOptions {
  /** `none`: all weights stay frozen. */
  method: 'lora' | 'full' | 'none';
  rank: number;
  /** LoRA's alpha: see `scaling`. */
  alpha: number;
  /** Dropout on LoRA's input, only in training. */
  dropout: number;
  /** Module names or patterns over GGUF's names: see targets.ts. */
  targets: readonly string[];
  /** LoRA's scale: alpha / rank, or alpha / sqrt(rank). */
  scaling?: 'standard' | 'rank-stabilised';
  /** Dropout on attention probabilities, only in training. */
  attentionDropout?: number;
  /** Activation checkpointing: save only each block's input and recompute the rest in the backward pass. */
  recompute?: boolean;
  /**
   * For reading an adapter whose layers differ in rank: `rank` is the largest, and may exceed a matrix's smaller side.
   */
  anyRank?: boolean;
  /**
   * The training loss is a softmax over these tokens, without repetitions, a batch's own, and a sample of the others
   * (loss-head.ts). By default, and if the head is trained, over the whole vocabulary.
   */
  lossTokens?: Int32Array | undefined;
  /** Seed of LoRA's A. */
  seed: number;
  /**
   * Type of frozen weights and large products; parameters, gradients and the residual stream are always f32. With f16,
   * all tensors are f32 and large products round their operands.
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
  /** Compute only the losses of the last this many tokens, which saves much of a pass. By default, all. */
  last?: number | undefined;
}

/** A model's predictions for tokens of a text, each given all true tokens before it. */
export interface Predictions {
  /** Loss of the true token, in nats. */
  losses: Float32Array;
  mostLikely: Int32Array;
}

export interface Model {
  readonly config: ModelConfig;
  readonly parameters: readonly Parameter[];
  /** Number of trained scalars. */
  readonly parameterCount: number;
  /**
   * Processes one micro-batch: adds lossWeight x (gradient of the summed loss of the learned tokens) to the
   * gradients. Returns `lossSum` in nats and the number of learned `tokens`. The same `seed` gives the same dropout.
   * Throws an Error if the batch has a wrong length or a token outside the vocabulary, and the reason of `signal` within
   * a block of its firing; then the gradients are of no use, and some memory is only freed with the process.
   */
  accumulate(
    batch: Batch,
    options: { seed: [number, number]; lossWeight: number; signal?: AbortSignal },
  ): Promise<{ lossSum: number; tokens: number }>;
  /** L2 norm over all accumulated gradients. */
  gradientNorm(): Promise<number>;
  zeroGradients(): void;
  /** Stops rounding to f16, because this model has values that are too large for it. */
  leaveF16(): void;
  /**
   * Loss of each token after the first, in nats, without dropout: length T - 1. `base`: without the adapter (LoRA
   * only). Throws an Error if there are no tokens or one is outside the vocabulary, like the methods below.
   */
  tokenLosses(tokens: Int32Array, options?: LossOptions & { base?: boolean }): Promise<Float32Array>;
  /** Predictions of the `last` tokens. */
  predictions(tokens: Int32Array, options: { last: number; base?: boolean }): Promise<Predictions>;
  /** The distribution after each token: T arrays of vocabulary size. `base`: without the adapter (LoRA only). */
  probabilities(tokens: Int32Array, base?: boolean): Promise<Float32Array[]>;
  /** KL(base || tuned) after each token, in nats: length T. Throws an Error for a fully fine-tuned model. */
  tokenKl(tokens: Int32Array): Promise<Float32Array>;
  /** A parameter's values. Throws an Error if there is no such parameter. */
  read(name: string): Promise<Float32Array>;
  /** Copies `values` into a parameter. Throws an Error if it does not exist or has another size. */
  write(name: string, values: Float32Array): void;
  dispose(): void;
}

/** A model with what the optimiser needs. */
export interface TrainableModel extends Model {
  readonly backend: Backend;
  readonly slots: readonly Slot[];
  /** Puts `value` into a slot and frees the old one, unless they are the same tensor, changed in place. */
  replace(slot: Slot, value: Tensor): void;
}
