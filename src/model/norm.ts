import type { Backend, Tensor } from '../tensor/backend.ts';

/** RMSNorm's gain: d gain = sum over rows of dy x / rms. dy of any type; x, inverse (1 / rms) and the result f32. */
export function normGainGradient(b: Backend, x: Tensor, inverse: Tensor, dy: Tensor): Tensor {
  const d = dy.dtype === 'f32' ? dy : b.cast(dy, 'f32');
  return b.sum(b.mul(d, b.mul(x, inverse)), 0);
}
