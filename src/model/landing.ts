import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { Norm } from './norm.ts';

/** For the backward pass, if there is a norm: what came [N, width], and the norm's 1 / rms f32 [N, 1]. */
export interface LandingSaved {
  o: Tensor;
  inverse: Tensor;
}

/**
 * What is done to the output of attention or of the MLP before the residual stream takes it: a norm (Gemma 3), a factor
 * (Granite), or nothing.
 */
export class Landing {
  constructor(
    private readonly backend: Backend,
    private readonly compute: DataType,
    private readonly factor: number,
    private readonly norm: Norm | undefined,
  ) {}

  /** o [N, width] -> what is added, of the same type. */
  forward(o: Tensor): { y: Tensor; saved: LandingSaved | undefined } {
    const { backend: b, norm } = this;
    return b.arena(() => {
      const normed = norm?.forward(this.f32(o));
      return { y: this.scaled(normed?.y ?? o), saved: normed && { o, inverse: normed.inverse } };
    });
  }

  /** dy f32 [N, width] -> do, in the products' type. */
  backward(dy: Tensor, saved: LandingSaved | undefined): Tensor {
    const { backend: b, norm, compute } = this;
    return b.arena(() => {
      const scaled = this.scaled(dy);
      const d = norm ? norm.backward(scaled, this.f32(saved!.o), saved!.inverse) : scaled;
      return d.dtype === compute ? d : b.cast(d, compute as 'f32' | 'bf16');
    });
  }

  /** In f32, since bf16 would round the factor too, in every layer the same way. */
  private scaled(x: Tensor): Tensor {
    const { backend: b, factor } = this;
    if (factor === 1) return x;
    const y = b.mul(this.f32(x), factor);
    return x.dtype === 'f32' ? y : b.cast(y, x.dtype as 'bf16');
  }
  private f32(x: Tensor): Tensor {
    return x.dtype === 'f32' ? x : this.backend.cast(x, 'f32');
  }
}
