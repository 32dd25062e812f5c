/** The one tensor type: dense, row-major. */
export type DataType = 'f32' | 'bf16' | 'i32';

/** A handle to memory owned by the backend. It lives until its arena ends or it is disposed. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly dtype: DataType;
}
