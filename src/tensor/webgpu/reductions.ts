/** Sums over all elements of tensors. */
import type { Tensor } from '../tensor.ts';
import { squareSums } from './kernels/reductions.ts';
import { ELEMENT, type GpuTensor, type Launcher } from './launcher.ts';
import { rowPieces } from './walk.ts';

/** Minimum number of squares per workgroup: 16 per thread. */
const MIN_SQUARES = 4096;
const MAX_GROUPS = 256;

/** Partial sums of the squares of all elements: f32 [m]. */
export function sumsOfSquares(launcher: Launcher, xs: readonly Tensor[]): GpuTensor {
  // The gaps between contiguous tensors are zeros and don't change the sum.
  const pieces = launcher.runs([xs]).flatMap(({ firsts: [x], count: whole }) =>
    rowPieces(whole, [ELEMENT], launcher.gpu.maxBindingSize).map(({ begin, count }) => {
      const groups = Math.min(MAX_GROUPS, Math.max(1, Math.ceil(count / MIN_SQUARES)));
      return { x: launcher.bytes(x!, begin * ELEMENT, count * ELEMENT), count, groups };
    }),
  );
  const parts = launcher.fresh([pieces.reduce((sum, { groups }) => sum + groups, 0)]);
  let begin = 0;
  for (const { x, count, groups } of pieces) {
    launcher.workgroups(squareSums, { x, parts: launcher.whole(parts) }, { count, begin }, groups);
    begin += groups;
  }
  return parts;
}
