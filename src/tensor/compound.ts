/**
 * What a model's blocks, head and optimiser do between large matrix products. Where the backend has a kernel for an
 * operation (native/), it is one pass over memory; otherwise it is composed of basic operations (composed.ts, the
 * reference definition).
 *
 * N: rows (all positions of all sequences). T: the type of the products, f32 or bf16. "Consumed": the operation may
 * overwrite this input, which must not be used afterwards.
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

/** A range of queries and the keys that they attend to. */
export interface QueryChunk {
  /** Positions in a sequence. */
  length: number;
  /** The chunk's first query, and how many there are. */
  begin: number;
  rows: number;
  /** The first key that any of them attends to; the last one is at the position of the last query. */
  from: number;
  /** Query heads that share a key head. */
  group: number;
  kvHeads: number;
  /** i32 [batch x length]: start of each position's document, before which it attends to nothing. Undefined: all 0. */
  starts: Tensor | undefined;
  /** Additive mask [1 or batch, 1, rows x group, keys]: 0, or -1e9 for a masked key. Created when first needed. */
  hidden?: Tensor;
}

/** A 0/1 mask: the elements of `table` starting at `begin`. */
export interface Mask {
  table: Tensor;
  begin: number;
}

/** Where a block begins in a matrix, and the factor applied to it. */
export interface MatrixBlock {
  row?: number;
  column?: number;
  scale?: number;
}

/** Which keys each chunk of queries attends to; shared by all blocks of a pass. */
export interface AttentionPlan {
  /** Number of sequences. */
  batch: number;
  length: number;
  chunks: readonly QueryChunk[];
}

/** Dropout on the attention probabilities of each chunk; the backward pass uses the same masks. */
export interface AttentionDropout {
  /** The mask for the `count` probabilities of the chunk that begins at query `chunk`. */
  mask(count: number, chunk: number): Mask;
  keepRate: number;
}

export interface Heads {
  q: Tensor;
  k: Tensor;
  v: Tensor;
}

/** Attention that never materialises the score matrix, forward or backward (as in FlashAttention). */
export interface FusedAttention {
  supports(heads: Heads, plan: AttentionPlan, dropout: AttentionDropout | undefined): boolean;
  /** -> the output o T [N, heads x headSize], and the row statistics that `gradient` needs. */
  forward(heads: Heads, plan: AttentionPlan, dropout?: AttentionDropout): { o: Tensor; lines: Tensor };
  /** dO, in the shape of o -> dq T, dk f32 and dv f32, in the shapes of q, k and v. */
  gradient(
    dO: Tensor,
    saved: Heads & { o: Tensor; lines: Tensor },
    plan: AttentionPlan,
    dropout?: AttentionDropout,
  ): { dq: Tensor; dk: Tensor; dv: Tensor };
}

export interface ProductSum {
  transposeB?: boolean | undefined;
  /** T [out]: added to each row. */
  bias?: Tensor | undefined;
  /** f32 [N, out]: added to the result, which is then f32. */
  plus?: Tensor | undefined;
  /** Another product x w to add; its w is transposed if the first one's is. `mask` applies to this product. */
  second?: { x: Tensor; w: Tensor; mask?: Mask | undefined } | undefined;
}

/** An accumulated block of a product: see `accumulate` and `MatrixBlock`. */
export interface ProductBlock {
  sum: Tensor | undefined;
  /** Without a sum: memory for the result, as in `accumulate`. */
  into?: Tensor | undefined;
  shape: readonly number[];
  place?: MatrixBlock | undefined;
}

/** The products of linear layers with LoRA. All matrices are of type T; a mask has the shape of its operand. */
export interface LinearProducts {
  /** (mask x) wT: [N, in], [out, in] -> [N, out]. */
  masked(x: Tensor, w: Tensor, mask?: Mask): Tensor;
  /** x w, or x wT, plus `parts`: [N, out]. */
  sum(x: Tensor, w: Tensor, parts: ProductSum): Tensor;
  /** Adds each block of aT (mask x) to its f32 sum, which is consumed: a [N, out], x [N, in]. */
  accumulate(a: Tensor, x: Tensor, blocks: readonly ProductBlock[], mask?: Mask): Tensor[];
}

/** A block, and where it begins in a matrix. */
interface PlacedBlock {
  block: Tensor;
  row: number;
  column: number;
}

export interface AdamNumbers {
  learningRate: number;
  beta1: number;
  beta2: number;
  /** AdamW only. */
  epsilon?: number;
  weightDecay: number;
  gradientScale: number;
  /** Index of this update, from 1. */
  step: number;
}

/** A matrix in the quantised form in which its file stores it. */
export interface StoredMatrix {
  readonly type: TensorType;
  readonly rows: number;
  readonly columns: number;
  /** Its bytes, in the backend's own storage. */
  readonly bytes: Tensor | Uint8Array;
}

/** The most matrices that `dequantise` stacks: q, k and v. */
export const MAX_STACKED = 3;

export interface Compound {
  /** If undefined, linear-products.ts composes them of basic operations. */
  readonly products?: LinearProducts | undefined;
  /** Whether frozen matrices stay quantised, as their file stores them; otherwise they are dequantised on load. */
  readonly keepsQuantised: boolean;
  /** Stores a quantised matrix [rows, columns] given as its file's bytes. */
  store(type: TensorType, bytes: Uint8Array, shape: readonly [number, number]): StoredMatrix;
  /**
   * The values T of up to MAX_STACKED matrices stacked vertically [sum of rows, columns]; with `indices`, those rows of
   * a single matrix [m, columns].
   */
  dequantise(matrices: readonly StoredMatrix[], dtype: DataType, indices?: Int32Array): Tensor;

  /** RMSNorm: x f32 [N, d], gain f32 [d] -> y T, and 1 / rms f32 [N, 1]. */
  norm(x: Tensor, gain: Tensor, epsilon: number, dtype: DataType): { y: Tensor; inverse: Tensor };
  /** dy T [N, d] -> dx f32 [N, d], plus `residual` f32. */
  normGradient(dy: Tensor, x: Tensor, inverse: Tensor, gain: Tensor, residual?: Tensor): Tensor;

  /** x f32 + y T -> f32. */
  add(x: Tensor, y: Tensor): Tensor;
  /** x + y mask, both of the same type; x is consumed. */
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
  /** If undefined, attention is computed by chunks with products and the next three operations (model/attention.ts). */
  readonly attention?: FusedAttention | undefined;
  /** Scores T [batch x kvHeads, rows x group, keys], consumed -> probabilities over each query's unmasked keys. */
  maskedSoftmax(scores: Tensor, chunk: QueryChunk): Tensor;
  /** dp, consumed -> p (dp - sum of p dp over keys). */
  softmaxGradient(p: Tensor, dp: Tensor): Tensor;
  /** sum f32 [outer, length, w], consumed, plus part T [outer, keys, w] starting at the chunk's first key. */
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
   * sum counts as zero; the result may then be `part` itself, which must not be modified afterwards. `into`: memory for
   * the result when there is no sum (its contents are ignored; consumed), used by backends that have `makeContiguous`.
   */
  accumulate(
    sum: Tensor | undefined,
    shape: readonly number[],
    part: Tensor,
    place?: MatrixBlock,
    into?: Tensor,
  ): Tensor;
  /** whole T [m, n], consumed, with its block at (row, column) replaced by scale x block f32. */
  put(whole: Tensor, block: Tensor, place?: MatrixBlock): Tensor;
  /** The same for several blocks with one factor. If undefined, call `put` for each. */
  putAll?: ((whole: Tensor, blocks: readonly PlacedBlock[], scale: number) => Tensor) | undefined;

  /**
   * Moves f32 tensors (consumed) next to each other in memory, so that each operation below can process many of them in
   * a single pass. Undefined where that brings nothing.
   */
  makeContiguous?: ((tensors: readonly Tensor[]) => Tensor[]) | undefined;
  /** Partial sums f32 [m] of the squares of all elements. If undefined, call `sumOfSquares` for each tensor. */
  sumsOfSquares?: ((xs: readonly Tensor[]) => Tensor) | undefined;
  /** p - lr (decay p + m^ / (sqrt(v^) + epsilon)) for each; value, first and second are consumed. */
  adamw(states: readonly AdamState[], numbers: AdamNumbers): Updated<AdamState>[];
  /** p - lr (decay p + sign(beta1 m + (1 - beta1) g)), then m = beta2 m + (1 - beta2) g; both are consumed. */
  lionw(states: readonly LionState[], numbers: AdamNumbers): Updated<LionState>[];
}

/** A trained tensor, its gradient and its moments, all f32 of one shape. */
export interface LionState {
  value: Tensor;
  first: Tensor;
  gradient: Tensor;
}
export interface AdamState extends LionState {
  second: Tensor;
}
export type Updated<S> = Omit<S, 'gradient'>;

/** Tensors with more elements than this are not worth moving next to others. */
export const MAX_COMBINED_ELEMENTS = 2 ** 20;
