/** Changes of a tensor's type. */
import type { Backend, DataType, Tensor } from '../tensor/backend.ts';

/** x in this type: x itself if it has it. */
export const cast = (b: Backend, x: Tensor, dtype: DataType): Tensor =>
  x.dtype === dtype ? x : b.cast(x, dtype as 'f32' | 'bf16');

/** factor x, in the type of x. Multiplied in f32, since bf16 would round the factor too. */
export const scaled = (b: Backend, x: Tensor, factor: number): Tensor =>
  factor === 1 ? x : b.arena(() => cast(b, b.mul(cast(b, x, 'f32'), factor), x.dtype));
