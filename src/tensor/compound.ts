/**
 * What a model's blocks, its head and its optimiser do between large products. Each is one pass over memory where the
 * backend has a kernel for it (native/), else several operations (composed.ts), which say exactly what it computes.
 *
 * N rows (all positions of all sequences); T is the type of the products, f32 or bf16. "Taken over": changed in place,
 * not to be used afterwards; what is returned takes its place.
 */
import type { DataType, Tensor } from './tensor.ts';

export interface HeadLayout {
  /** Positions in a sequence. */
  length: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  /** Which components RoPE turns together: (2i, 2i + 1), or (i, i + headSize / 2). */
  pairing: 'neighbours' | 'halves';
}

/** RoPE's angles, f32 [length, headSize / 2]. */
export interface Angles {
  cos: Tensor;
  sin: Tensor;
}

/** Some queries, and the keys they are multiplied with. */
export interface QueryChunk {
  /** Positions in a sequence. */
  length: number;
  /** The chunk's first query, and how many there are. */
  begin: number;
  rows: number;
  /** The first key that any of them sees; the last is the last query's own. */
  from: number;
  /** Query heads that share a key head. */
  group: number;
  kvHeads: number;
  /** i32 [batch x length]: where each position's document begins, which it sees no further than; else 0. */
  starts: Tensor | undefined;
  /** [1 or batch, 1, rows x group, keys]: 0, or -1e9 where a query must not see. Made on first need, freed with the rest. */
  hidden?: Tensor;
}

/** Zeros and ones: the elements of `table` from `begin` on. */
export interface Mask {
  table: Tensor;
  begin: number;
}

/** A block of a matrix, and a factor. */
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
  /** Updates made, this one included. */
  step: number;
}

export interface Compound {
  /** RMSNorm: x f32 [N, d], gain f32 [d] -> y T, and 1 / rms f32 [N, 1]. */
  norm(x: Tensor, gain: Tensor, epsilon: number, dtype: DataType): { y: Tensor; inverse: Tensor };
  /** dy T -> dx f32, plus `residual` f32. */
  normGradient(dy: Tensor, x: Tensor, inverse: Tensor, gain: Tensor, residual?: Tensor): Tensor;

  /** x f32 + y T -> f32. */
  add(x: Tensor, y: Tensor): Tensor;
  /** x + y mask, of one type; x is taken over. */
  addInto(x: Tensor, y: Tensor, mask?: Mask): Tensor;
  /** x mask. */
  multiply(x: Tensor, mask: Mask): Tensor;

  /** [N, 2 w] -> silu(first half) x second half, [N, w]. */
  swiglu(gateUp: Tensor): Tensor;
  swigluGradient(gateUp: Tensor, dProduct: Tensor): Tensor;

  /**
   * qkv T [N, (heads + 2 kvHeads) headSize] -> q [batch x kvHeads, length, group x headSize] turned by its position and
   * divided by sqrt(headSize), k [batch x kvHeads, length, headSize] turned, v likewise not.
   */
  splitHeads(qkv: Tensor, angles: Angles, layout: HeadLayout): { q: Tensor; k: Tensor; v: Tensor };
  /** From dq T, dk f32 and dv f32, of the shapes of q, k and v, to dqkv T. */
  joinHeads(dq: Tensor, dk: Tensor, dv: Tensor, angles: Angles, layout: HeadLayout): Tensor;
  /** Scores T [batch x kvHeads, rows x group, keys], taken over -> probabilities over the keys that each query sees. */
  maskedSoftmax(scores: Tensor, chunk: QueryChunk): Tensor;
  /** dp, taken over -> p (dp - sum of p dp over keys). */
  softmaxGradient(p: Tensor, dp: Tensor): Tensor;
  /** sum f32 [outer, length, w], taken over, plus part T [outer, keys, w] from the chunk's first key on. */
  addKeys(sum: Tensor, part: Tensor, chunk: QueryChunk): Tensor;

  /**
   * Softmax cross-entropy of logits T [N, V], taken over, against labels i32 [N]: nats f32 [N], and with `weights`
   * f32 [N] the gradient of the weighted sum of losses by the logits, T.
   */
  crossEntropy(
    logits: Tensor,
    labels: Tensor,
    weights?: Tensor,
  ): { losses: Tensor; gradient: Tensor | undefined };

  /**
   * sum f32, taken over, plus scale x the block of its shape at (row, column) of part T. An undefined sum is zero;
   * `part` itself may then be what is returned, and is not to be changed.
   */
  accumulate(sum: Tensor | undefined, shape: readonly number[], part: Tensor, place?: MatrixBlock): Tensor;
  /** whole T [m, n], taken over, with scale x block f32 in the place at (row, column). */
  put(whole: Tensor, block: Tensor, place?: MatrixBlock): Tensor;

  /** p - lr (decay p + m^ / (sqrt(v^) + epsilon)); all three are taken over. */
  adamw(
    state: { value: Tensor; first: Tensor; second: Tensor },
    gradient: Tensor,
    numbers: AdamNumbers,
  ): { value: Tensor; first: Tensor; second: Tensor };
  /** p - lr (decay p + sign(beta1 m + (1 - beta1) g)), then m = beta2 m + (1 - beta2) g; both are taken over. */
  lionw(
    state: { value: Tensor; first: Tensor },
    gradient: Tensor,
    numbers: AdamNumbers,
  ): { value: Tensor; first: Tensor };
}
