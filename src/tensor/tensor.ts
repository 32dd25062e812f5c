/** The one tensor type: dense, row-major. */
export type DataType = 'f32' | 'bf16' | 'i32';

/** A handle to memory that the backend owns. It lives until its arena ends or it is disposed. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly dtype: DataType;
}
