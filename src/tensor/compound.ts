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

/** Which keys each chunk of queries sees; the same plan serves all blocks of a pass. */
export interface AttentionPlan {
  /** Sequences. */
  batch: number;
  length: number;
  chunks: readonly QueryChunk[];
}

/** Dropout on the probabilities of each chunk; the same masks in both directions. */
export interface AttentionDropout {
  /** For the probabilities of the chunk that begins at query `chunk`, of which there are `count`. */
  mask(count: number, chunk: number): Mask;
  keepRate: number;
}

/** What `splitHeads` makes. */
export interface Heads {
  q: Tensor;
  k: Tensor;
  v: Tensor;
}

/** Attention in which no matrix of scores exists, in either direction. */
export interface WholeAttention {
  /** Whether it can be used for these sizes. */
  takes(heads: Heads, plan: AttentionPlan, dropout: AttentionDropout | undefined): boolean;
  /** -> the output o T [N, heads x headSize], and what `gradient` needs besides. */
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
  /** f32 [N, out]: added to the whole, which is f32 then. */
  plus?: Tensor | undefined;
  /** Another product x w that is added, w being transposed if the first one's is. `mask`: of the product. */
  second?: { x: Tensor; w: Tensor; mask?: Mask | undefined } | undefined;
}

/** A sum of products' blocks: see `accumulate` and `MatrixBlock`. */
export interface ProductBlock {
  sum: Tensor | undefined;
  /** If there is no sum: memory for the result, as in `accumulate`. */
  into?: Tensor | undefined;
  shape: readonly number[];
  place?: MatrixBlock | undefined;
}

/** What linear layers with LoRA multiply. All are matrices of type T, a mask is as large as what it is for. */
export interface LinearProducts {
  /** (mask x) wT: [N, in], [out, in] -> [N, out]. */
  masked(x: Tensor, w: Tensor, mask?: Mask): Tensor;
  /** x w, or x wT, with what is added: [N, out]. */
  sum(x: Tensor, w: Tensor, parts: ProductSum): Tensor;
  /** Adds to each block's sum f32, consumed, its part of aT (mask x): a [N, out], x [N, in]. */
  accumulate(a: Tensor, x: Tensor, blocks: readonly ProductBlock[], mask?: Mask): Tensor[];
}

/** A block, and where it begins in a matrix. */
export interface PlacedBlock {
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
export const MAX_STACKED = 3;

export interface Compound {
  /** If undefined, linear-products.ts composes them. */
  readonly products?: LinearProducts | undefined;
  /** Whether frozen matrices are to be kept as their file stores them; if not, as numbers. */
  readonly keepsQuantised: boolean;
  /** Keeps a matrix [rows, columns] as its file's bytes. */
  store(type: TensorType, bytes: Uint8Array, shape: readonly [number, number]): StoredMatrix;
  /**
   * The numbers T of up to MAX_STACKED matrices stacked on each other [sum of rows, columns]; with `indices`, those
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
  /** If undefined, attention is made chunk by chunk of products and the next three operations (model/attention.ts). */
  readonly attention?: WholeAttention | undefined;
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
   * sum counts as zero; the result may then be `part` itself, which must not be changed any more. `into`: where there is
   * no sum, a tensor of sum's shape with any contents, consumed; a backend that has `together` makes the result there.
   */
  accumulate(
    sum: Tensor | undefined,
    shape: readonly number[],
    part: Tensor,
    place?: MatrixBlock,
    into?: Tensor,
  ): Tensor;
  /** whole T [m, n], consumed, with its part at (row, column) replaced by scale x block f32. */
  put(whole: Tensor, block: Tensor, place?: MatrixBlock): Tensor;
  /** The same for several blocks with one factor. If undefined: `put` for each. */
  putAll?: ((whole: Tensor, blocks: readonly PlacedBlock[], scale: number) => Tensor) | undefined;

  /**
   * Tensors f32 with the same numbers, consumed, but side by side in memory: what the operations below do with many of
   * them then takes as long as with one. Undefined where that makes no difference.
   */
  together?: ((tensors: readonly Tensor[]) => Tensor[]) | undefined;
  /** Numbers whose sum is the sum of the squares of all elements, f32 [m]. If undefined: `sumOfSquares` of each. */
  sumsOfSquares?: ((xs: readonly Tensor[]) => Tensor) | undefined;
  /** p - lr (decay p + m^ / (sqrt(v^) + epsilon)), of each; value, first and second are consumed. */
  adamw(states: readonly AdamState[], numbers: AdamNumbers): Moved<AdamState>[];
  /** p - lr (decay p + sign(beta1 m + (1 - beta1) g)), then m = beta2 m + (1 - beta2) g; both are consumed. */
  lionw(states: readonly LionState[], numbers: AdamNumbers): Moved<LionState>[];
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
export type Moved<S> = Omit<S, 'gradient'>;

/** The most elements of a tensor that is worth being put beside others. */
export const MAX_COMBINED_ELEMENTS = 2 ** 20;
