/** RMSNorm of each row of x [rows, width]. */
import { rowwise, variants } from '../kernel.ts';

/** y = gain x / rms, and 1 / rms. */
export const norm = variants((lanes: number) =>
  rowwise(
    {
      name: 'norm',
      reads: { x: 'f32', gain: 'f32' },
      writes: { y: 'f32', inverses: 'f32' },
      numbers: { width: 'u32', epsilon: 'f32' },
    },
    lanes,
    `  let begin = row * p.width;
  var sum = 0.0;
  for (var j = lane; j < p.width; j += LANES) { sum += x[begin + j] * x[begin + j]; }
  let inverse = inverseSqrt(total(lane, sum) / f32(p.width) + p.epsilon);
  for (var j = lane; j < p.width; j += LANES) { y[begin + j] = x[begin + j] * inverse * gain[j]; }
  if (lane == 0u) { inverses[row] = inverse; }`,
  ),
);

/** With g = gain dy: dx = g / rms - x mean(g x) / rms^3, plus the residual if `adds` is 1. */
export const normGradient = variants((lanes: number) =>
  rowwise(
    {
      name: 'normGradient',
      reads: { dy: 'f32', x: 'f32', inverses: 'f32', gain: 'f32', residual: 'f32' },
      writes: { dx: 'f32' },
      numbers: { width: 'u32', adds: 'u32' },
    },
    lanes,
    `  let begin = row * p.width;
  let inverse = inverses[row];
  var sum = 0.0;
  for (var j = lane; j < p.width; j += LANES) { sum += gain[j] * dy[begin + j] * x[begin + j]; }
  let pull = total(lane, sum) / f32(p.width) * inverse * inverse * inverse;
  for (var j = lane; j < p.width; j += LANES) {
    let d = gain[j] * dy[begin + j] * inverse - x[begin + j] * pull;
    dx[begin + j] = select(d, d + residual[begin + j], p.adds == 1u);
  }`,
  ),
);
