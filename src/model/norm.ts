import type { Backend, Tensor } from '../tensor/backend.ts';

/** RMSNorm: y = gain x / rms(x), over the last axis. x [N, d], gain [d]; `inverse` is 1 / rms(x), [N, 1]. */
export function normForward(
  b: Backend,
  x: Tensor,
  gain: Tensor,
  epsilon: number,
): { y: Tensor; inverse: Tensor } {
  const inverse = b.rsqrt(b.add(b.mean(b.square(x), 1, true), epsilon));
  return { y: b.mul(b.mul(x, inverse), gain), inverse };
}

/** y again, from what was saved. */
export function normAgain(b: Backend, x: Tensor, inverse: Tensor, gain: Tensor): Tensor {
  return b.mul(b.mul(x, inverse), gain);
}

/** With g = gain dy: dx = g / rms - x mean(g x) / rms^3. */
export function normBackward(b: Backend, x: Tensor, inverse: Tensor, gain: Tensor, dy: Tensor): Tensor {
  const g = b.mul(dy, gain);
  const pull = b.mul(b.mean(b.mul(g, x), 1, true), b.mul(inverse, b.square(inverse)));
  return b.sub(b.mul(g, inverse), b.mul(x, pull));
}

/** d gain = sum over rows of dy x / rms. */
export function normGainGradient(b: Backend, x: Tensor, inverse: Tensor, dy: Tensor): Tensor {
  return b.sum(b.mul(dy, b.mul(x, inverse)), 0);
}
