/** The same values in another type or shape. */
import type { Backend, DataType, Tensor } from './backend.ts';
import type { HeadLayout } from './compound.ts';

/** What operations are composed of. */
export type Basics = Omit<Backend, 'compound' | 'name' | 'reason'>;

/** x converted to this type; x itself if it already has it. */
export const cast = (b: Basics, x: Tensor, dtype: DataType): Tensor =>
  x.dtype === dtype ? x : b.cast(x, dtype as 'f32' | 'bf16');

export const f32 = (b: Basics, x: Tensor): Tensor => cast(b, x, 'f32');

/** factor x, in the type of x. Computed in f32, since bf16 would also round the factor. */
export const scaled = (b: Basics, x: Tensor, factor: number): Tensor =>
  factor === 1 ? x : b.arena(() => cast(b, b.mul(f32(b, x), factor), x.dtype));

/** The two halves [N, w] of [N, 2 w], in f32. */
export function halves(b: Basics, gateUp: Tensor): [gate: Tensor, up: Tensor] {
  const [rows, columns] = gateUp.shape as [number, number];
  const half = (begin: number) => f32(b, b.slice(gateUp, [0, begin], [rows, columns / 2]));
  return [half(0), half(columns / 2)];
}

/** [batch x length, kvHeads x w] -> [batch x kvHeads, length, w] */
export function splitByHead(b: Basics, x: Tensor, { length, kvHeads }: HeadLayout): Tensor {
  const width = x.shape[1]! / kvHeads;
  const parted = b.transpose(b.reshape(x, [-1, length, kvHeads, width]), [0, 2, 1, 3]);
  return b.reshape(parted, [-1, length, width]);
}

/** The reverse of splitByHead. */
export function joinByHead(b: Basics, x: Tensor, { length, kvHeads }: HeadLayout): Tensor {
  const width = x.shape[2]!;
  const parted = b.transpose(b.reshape(x, [-1, kvHeads, length, width]), [0, 2, 1, 3]);
  return b.reshape(parted, [-1, kvHeads * width]);
}
