import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { cast } from '../tensor/forms.ts';
import { isSlot, type Slot } from './model.ts';
import type { Parameters } from './parameters.ts';

/** A norm's gain or bias [d]: frozen, or trained. */
type Gain = Tensor | Slot;
const valueOf = (gain: Gain): Tensor => (isSlot(gain) ? gain.value : gain);

interface NormOptions {
  gain: Gain;
  /** Makes it a LayerNorm; without a bias it is an RMSNorm. */
  bias?: Gain | undefined;
  epsilon: number;
  /** The type of y and dy. */
  compute: DataType;
}

/** RMSNorm over the last axis, or LayerNorm, computed as RMSNorm of x minus its mean, plus a bias. */
export class Norm {
  constructor(
    private readonly backend: Backend,
    private readonly parameters: Parameters,
    private readonly options: NormOptions,
  ) {}

  /** x f32 [N, d] -> y [N, d], and for the backward pass 1 / rms (LayerNorm: 1 / deviation) f32 [N, 1]. */
  forward(x: Tensor): { y: Tensor; inverse: Tensor } {
    const { backend: b } = this;
    const { gain, bias, epsilon, compute } = this.options;
    if (!bias) return b.compound.norm(x, valueOf(gain), epsilon, compute);
    return b.arena(() => {
      const { y, inverse } = b.compound.norm(this.centred(x), valueOf(gain), epsilon, 'f32');
      return { y: cast(b, b.add(y, valueOf(bias)), compute), inverse };
    });
  }

  /** dy -> dx f32 [N, d], plus the gradient that bypasses the norm (`past`); adds to the gradients of gain and bias. */
  backward(dy: Tensor, x: Tensor, inverse: Tensor, past?: Tensor): Tensor {
    const { backend: b } = this;
    const { bias } = this.options;
    if (!bias) return this.scaleBackward(dy, x, inverse, past);
    return b.arena(() => {
      if (isSlot(bias)) this.parameters.accumulate(bias, b.sum(cast(b, dy, 'f32'), 0));
      const d = this.centred(this.scaleBackward(dy, this.centred(x), inverse));
      return past ? b.add(d, past) : d;
    });
  }

  private scaleBackward(dy: Tensor, x: Tensor, inverse: Tensor, past?: Tensor): Tensor {
    const { backend: b } = this;
    const { gain } = this.options;
    if (isSlot(gain)) this.parameters.accumulate(gain, gainGradient(b, x, inverse, dy));
    return b.compound.normGradient(dy, x, inverse, valueOf(gain), past);
  }

  /** x minus its row means. This linear map is symmetric, so it also maps the gradient back. */
  private centred(x: Tensor): Tensor {
    const { backend: b } = this;
    return b.arena(() => b.sub(x, b.mean(x, 1, true)));
  }
}

/**
 * Gradient of the gain: the sum over rows of dy x / rms, f32 [d]. dy [N, d] of any type; x f32 [N, d]; inverse
 * (1 / rms) f32 [N, 1].
 */
const gainGradient = (b: Backend, x: Tensor, inverse: Tensor, dy: Tensor): Tensor =>
  b.sum(b.mul(cast(b, dy, 'f32'), b.mul(x, inverse)), 0);
