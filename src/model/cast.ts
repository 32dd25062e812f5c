/** Conversions between tensor types. */
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';

/** x converted to this type; x itself if it already has it. */
export const cast = (b: Backend, x: Tensor, dtype: DataType): Tensor =>
  x.dtype === dtype ? x : b.cast(x, dtype as 'f32' | 'bf16');

/** factor x, in the type of x. Computed in f32, since bf16 would also round the factor. */
export const scaled = (b: Backend, x: Tensor, factor: number): Tensor =>
  factor === 1 ? x : b.arena(() => cast(b, b.mul(cast(b, x, 'f32'), factor), x.dtype));
