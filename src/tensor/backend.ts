/**
 * The small tensor interface that the model uses: one dense row-major tensor type, fewer than 30 operations, lifetimes
 * by arena. Operations return new tensors and do not change their inputs, except for the last two.
 */
import type { Adapter } from '../protocol/doctor.ts';
import type { BackendName } from '../protocol/run.ts';
import type { Compound } from './compound.ts';
import type { DataType, Tensor } from './tensor.ts';
import type { Text } from '../text/message.ts';

export type { DataType, Tensor };

/** Anything that an arena can return: tensors, in arrays, maps or records, at any depth. */
export type Handed = unknown;

export interface MatmulOptions {
  transposeA?: boolean;
  transposeB?: boolean;
}

export interface Operations {
  // In and out
  /** May share memory with `data`: the caller must not write to it afterwards. */
  tensor(data: Float32Array | Int32Array, shape: readonly number[]): Tensor;
  zeros(shape: readonly number[], dtype?: DataType): Tensor;
  /** The elements, row by row; bf16 is converted to f32. */
  read(x: Tensor): Promise<Float32Array>;

  // Shape
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  transpose(x: Tensor, permutation: readonly number[]): Tensor;
  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor;
  concat(xs: readonly Tensor[], axis: number): Tensor;
  cast(x: Tensor, dtype: 'f32' | 'bf16'): Tensor;

  // Element by element, with NumPy's broadcasting
  add(a: Tensor, b: Tensor | number): Tensor;
  sub(a: Tensor, b: Tensor | number): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  div(a: Tensor, b: Tensor | number): Tensor;
  square(x: Tensor): Tensor;
  sqrt(x: Tensor): Tensor;
  rsqrt(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  sign(x: Tensor): Tensor;

  // Along an axis
  sum(x: Tensor, axis: number, keepDimension?: boolean): Tensor;
  mean(x: Tensor, axis: number, keepDimension?: boolean): Tensor;
  /** Over the last axis. */
  softmax(x: Tensor): Tensor;
  logSoftmax(x: Tensor): Tensor;
  /** Sum of the squares of all elements: a scalar, f32. */
  sumOfSquares(x: Tensor): Tensor;

  // Products and lookups
  /** [..., m, k] x [..., k, n] -> [..., m, n]; the leading axes are equal. */
  matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor;
  /** Rows of `table` [n, d] at `indices` i32 [m]: [m, d]. */
  gather(table: Tensor, indices: Tensor): Tensor;
  /** Softmax cross-entropy of `logits` [m, n] against `labels` i32 [m]: losses in nats [m], their gradient [m, n]. */
  crossEntropy(logits: Tensor, labels: Tensor): { losses: Tensor; gradient: Tensor };

  /** Singular values of each matrix of x f32 [..., m, n]: min(m, n) of each, largest first. */
  singularValues(x: Tensor): Promise<Float32Array>;

  // In place: `x` is consumed and must not be used afterwards; the result takes its place.
  /** x [n, ..] with rows[i] of `rows` [m, ..] added to its row indices[i] (i32 [m], repeats add up), default row i. */
  addRows(x: Tensor, rows: Tensor, indices?: Tensor): Tensor;
  /** x with its rows from `begin` on replaced by `rows`. */
  setRows(x: Tensor, rows: Tensor, begin: number): Tensor;
}

export interface Backend extends Operations {
  readonly name: BackendName;
  /** Why this backend was chosen, for people. */
  readonly reason: Text;
  /** The GPU that it computes on, if that is known by name. */
  readonly device?: Adapter;
  /** Besides f32: what products can be made in. bf16 is a type of tensors, f16 only what products round to. */
  readonly precisions: readonly ('bf16' | 'f16')[];
  /** Makes products in f16 (or in f32) from now on: what is multiplied is rounded to it, sums stay f32. */
  multiplyIn?(precision: 'f32' | 'f16'): void;
  readonly compound: Compound;
  /** Runs `body` now. Of the tensors made inside, only those in its result outlive it. Arenas can be nested. */
  arena<T extends Handed>(body: () => T): T;
  /** Takes a tensor out of every arena: it lives until disposed. */
  keep(x: Tensor): Tensor;
  /** Frees tensors (also within arrays and records). Freeing twice is harmless. */
  dispose(...values: Handed[]): void;
  /** Live tensors, for leak tests. */
  readonly liveTensors: number;
}
