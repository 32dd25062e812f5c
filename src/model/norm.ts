import type { Backend, Tensor } from '../tensor/backend.ts';

/**
 * Gradient of RMSNorm's gain: the sum over rows of dy x / rms, f32 [d]. dy [N, d] of any type; x f32 [N, d]; inverse
 * (1 / rms) f32 [N, 1].
 */
export function normGainGradient(b: Backend, x: Tensor, inverse: Tensor, dy: Tensor): Tensor {
  const d = dy.dtype === 'f32' ? dy : b.cast(dy, 'f32');
  return b.sum(b.mul(d, b.mul(x, inverse)), 0);
}
