import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { isSlot, type Slot } from './model.ts';
import type { Parameters } from './parameters.ts';

/** A norm's gain [d]: frozen, or trained. */
export type Gain = Tensor | Slot;
const valueOf = (gain: Gain): Tensor => (isSlot(gain) ? gain.value : gain);

/** RMSNorm over the last axis. `compute`: the type of y and dy. */
export class Norm {
  constructor(
    private readonly backend: Backend,
    private readonly parameters: Parameters,
    private readonly gain: Gain,
    private readonly epsilon: number,
    private readonly compute: DataType,
  ) {}

  /** x f32 [N, d] -> y [N, d], and for the backward pass 1 / rms f32 [N, 1]. */
  forward(x: Tensor): { y: Tensor; inverse: Tensor } {
    return this.backend.compound.norm(x, valueOf(this.gain), this.epsilon, this.compute);
  }

  /** dy -> dx f32 [N, d], plus the gradient `past` the norm; adds to the gain's gradient. */
  backward(dy: Tensor, x: Tensor, inverse: Tensor, past?: Tensor): Tensor {
    const { backend: b, gain } = this;
    if (isSlot(gain)) this.parameters.accumulate(gain, normGainGradient(b, x, inverse, dy));
    return b.compound.normGradient(dy, x, inverse, valueOf(gain), past);
  }
}

/**
 * Gradient of RMSNorm's gain: the sum over rows of dy x / rms, f32 [d]. dy [N, d] of any type; x f32 [N, d]; inverse
 * (1 / rms) f32 [N, 1].
 */
function normGainGradient(b: Backend, x: Tensor, inverse: Tensor, dy: Tensor): Tensor {
  const d = dy.dtype === 'f32' ? dy : b.cast(dy, 'f32');
  return b.sum(b.mul(d, b.mul(x, inverse)), 0);
}
