/**
 * What a model's blocks, its head and its optimiser do between large matrix products. Each operation is one pass over
 * memory if the backend has a kernel for it (native/), else several small operations (composed.ts, the exact
 * definition).
 *
 * N: rows (all positions of all sequences). T: the type of the products, f32 or bf16. "Consumed": may be changed in
 * place and must not be used afterwards; the result takes its place.
 */
import type { TensorType } from '../gguf/types.ts';
import type { DataType, Tensor } from './tensor.ts';

export interface HeadLayout {
  /** Positions in a sequence. */
  length: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  /** Which pairs of components RoPE rotates: (2i, 2i + 1), or (i, i + headSize / 2). */
  pairing: 'neighbours' | 'halves';
}

/** RoPE's angles, f32 [length, headSize / 2]. */
export interface Angles {
  cos: Tensor;
  sin: Tensor;
}

/** Some queries, and the keys that they are multiplied with. */
export interface QueryChunk {
  /** Positions in a sequence. */
  length: number;
  /** The chunk's first query, and how many there are. */
  begin: number;
  rows: number;
  /** The first key that any of them sees; the last one is at the position of the last query. */
  from: number;
  /** Query heads that share a key head. */
  group: number;
  kvHeads: number;
  /** i32 [batch x length]: where each position's document begins; it sees nothing before that. Undefined: at 0. */
  starts: Tensor | undefined;
  /** [1 or batch, 1, rows x group, keys]: 0, or -1e9 if the query must not see the key. Made when first needed. */
  hidden?: Tensor;
}

/** A mask of zeros and ones: the elements of `table` from `begin` on. */
export interface Mask {
  table: Tensor;
  begin: number;
}

/** Where a block begins in a matrix, and a factor for it. */
export interface MatrixBlock {
  row?: number;
  column?: number;
  scale?: number;
}

export interface AdamNumbers {
  learningRate: number;
  beta1: number;
  beta2: number;
  /** AdamW only. */
  epsilon?: number;
  weightDecay: number;
  gradientScale: number;
  /** Number of this update, from 1. */
  step: number;
}

/** A matrix as its file stores it, quantised. */
export interface StoredMatrix {
  readonly type: TensorType;
  readonly rows: number;
  readonly columns: number;
  /** Its bytes, as the backend keeps them. */
  readonly bytes: Tensor | Uint8Array;
}

/** The most matrices that `dequantise` stacks: q, k and v. */
export const MOST_STACKED = 3;

export interface Compound {
  /** Whether frozen matrices are to be kept as their file stores them; if not, as numbers. */
  readonly keepsQuantised: boolean;
  /** Keeps a matrix [rows, columns] as its file's bytes. */
  store(type: TensorType, bytes: Uint8Array, shape: readonly [number, number]): StoredMatrix;
  /**
   * The numbers T of up to MOST_STACKED matrices stacked on each other [sum of rows, columns]; with `indices`, those
   * rows of a single one [m, columns].
   */
  dequantise(matrices: readonly StoredMatrix[], dtype: DataType, indices?: Int32Array): Tensor;

  /** RMSNorm: x f32 [N, d], gain f32 [d] -> y T, and 1 / rms f32 [N, 1]. */
  norm(x: Tensor, gain: Tensor, epsilon: number, dtype: DataType): { y: Tensor; inverse: Tensor };
  /** dy T [N, d] -> dx f32 [N, d], plus `residual` f32. */
  normGradient(dy: Tensor, x: Tensor, inverse: Tensor, gain: Tensor, residual?: Tensor): Tensor;

  /** x f32 + y T -> f32. */
  add(x: Tensor, y: Tensor): Tensor;
  /** x + y mask, both of one type; x is consumed. */
  addInto(x: Tensor, y: Tensor, mask?: Mask): Tensor;
  /** x mask. */
  multiply(x: Tensor, mask: Mask): Tensor;

  /** [N, 2 w] -> silu(first half) x second half, [N, w]. */
  swiglu(gateUp: Tensor): Tensor;
  /** dProduct [N, w] -> [N, 2 w]. */
  swigluGradient(gateUp: Tensor, dProduct: Tensor): Tensor;

  /**
   * qkv T [N, (heads + 2 kvHeads) headSize] -> q [batch x kvHeads, length, group x headSize], rotated by RoPE and
   * divided by sqrt(headSize); k [batch x kvHeads, length, headSize], rotated; v of k's shape, not rotated.
   */
  splitHeads(qkv: Tensor, angles: Angles, layout: HeadLayout): { q: Tensor; k: Tensor; v: Tensor };
  /** dq T, dk f32 and dv f32, in the shapes of q, k and v -> dqkv T [N, (heads + 2 kvHeads) headSize]. */
  joinHeads(dq: Tensor, dk: Tensor, dv: Tensor, angles: Angles, layout: HeadLayout): Tensor;
  /** Scores T [batch x kvHeads, rows x group, keys], consumed -> probabilities over the keys that each query sees. */
  maskedSoftmax(scores: Tensor, chunk: QueryChunk): Tensor;
  /** dp, consumed -> p (dp - sum of p dp over keys). */
  softmaxGradient(p: Tensor, dp: Tensor): Tensor;
  /** sum f32 [outer, length, w], consumed, plus part T [outer, keys, w] from the chunk's first key on. */
  addKeys(sum: Tensor, part: Tensor, chunk: QueryChunk): Tensor;

  /**
   * Softmax cross-entropy of logits T [N, V], consumed, against labels i32 [N]: losses in nats f32 [N] and, if
   * `weights` f32 [N] are given, the gradient T [N, V] of the weighted sum of losses with respect to the logits.
   */
  crossEntropy(
    logits: Tensor,
    labels: Tensor,
    weights?: Tensor,
  ): { losses: Tensor; gradient: Tensor | undefined };

  /**
   * sum f32, consumed, plus scale x the block of part T that begins at (row, column) and has sum's shape. An undefined
   * sum counts as zero; the result may then be `part` itself, which must not be changed any more.
   */
  accumulate(sum: Tensor | undefined, shape: readonly number[], part: Tensor, place?: MatrixBlock): Tensor;
  /** whole T [m, n], consumed, with its part at (row, column) replaced by scale x block f32. */
  put(whole: Tensor, block: Tensor, place?: MatrixBlock): Tensor;

  /** p - lr (decay p + m^ / (sqrt(v^) + epsilon)); value, first and second are consumed. */
  adamw(
    state: { value: Tensor; first: Tensor; second: Tensor },
    gradient: Tensor,
    numbers: AdamNumbers,
  ): { value: Tensor; first: Tensor; second: Tensor };
  /** p - lr (decay p + sign(beta1 m + (1 - beta1) g)), then m = beta2 m + (1 - beta2) g; both are consumed. */
  lionw(
    state: { value: Tensor; first: Tensor },
    gradient: Tensor,
    numbers: AdamNumbers,
  ): { value: Tensor; first: Tensor };
}
