/**
 * The tensor interface that the model uses: one dense row-major tensor type, fewer than 30 operations, arena-managed
 * lifetimes. Operations return new tensors and leave their inputs unchanged, except for the two in-place ones.
 */
import type { Adapter } from '../protocol/doctor.ts';
import type { BackendName } from '../protocol/run.ts';
import type { Compound } from './compound.ts';
import type { DataType, Tensor } from './tensor.ts';
import type { Text } from '../text/message.ts';

export type { DataType, Tensor };

export interface MatmulOptions {
  transposeA?: boolean;
  transposeB?: boolean;
}

interface Operations {
  // Upload and read back
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

  // Elementwise, with NumPy broadcasting
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

  // In place: `x` is consumed and must not be used afterwards; the result takes its place.
  /**
   * x [n, ..], with row i of `rows` [m, ..] added to its row indices[i] (i32 [m]; repeats accumulate), by default row
   * i.
   */
  addRows(x: Tensor, rows: Tensor, indices?: Tensor): Tensor;
  /** x with its rows from `begin` on replaced by `rows`. */
  setRows(x: Tensor, rows: Tensor, begin: number): Tensor;
}

export interface Backend extends Operations {
  readonly name: BackendName;
  /** Why this backend was chosen, to show to the user. */
  readonly reason: Text;
  /** The GPU that it computes on, if its name is known. */
  readonly device?: Adapter;
  /** Precisions of matrix products besides f32. bf16 is also a tensor type; f16 only rounds the operands. */
  readonly precisions: readonly ('bf16' | 'f16')[];
  /** Sets the precision of products: with f16, operands are rounded to it and accumulated in f32. */
  multiplyIn?(precision: 'f32' | 'f16'): void;
  readonly compound: Compound;
  /**
   * Runs `body`, then frees all tensors created inside, except those in its result (also within arrays, maps and
   * records). Arenas can be nested.
   */
  arena<T>(body: () => T): T;
  /** Removes a tensor from every arena: it lives until disposed. */
  keep(x: Tensor): Tensor;
  /** Frees tensors (also within arrays and records). Freeing twice is harmless. */
  dispose(...values: unknown[]): void;
  /** Live tensors, for leak tests. */
  readonly liveTensors: number;
}
