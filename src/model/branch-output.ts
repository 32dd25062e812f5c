import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { cast, scaled } from '../tensor/forms.ts';
import type { Norm } from './norm.ts';

/** What the backward pass needs if there is a norm: its input [N, width], and 1 / rms f32 [N, 1]. */
export interface BranchOutputSaved {
  o: Tensor;
  inverse: Tensor;
}

/**
 * What is applied to the output of attention or the MLP before it is added to the residual stream: a norm (Gemma 3), a
 * factor (Granite), or nothing.
 */
export class BranchOutput {
  constructor(
    private readonly backend: Backend,
    private readonly compute: DataType,
    private readonly factor: number,
    private readonly norm: Norm | undefined,
  ) {}

  /** Whether the output is added unchanged. */
  get isPlain(): boolean {
    return !this.norm && this.factor === 1;
  }

  /** o [N, width] -> what is added to the stream, of the same type. */
  forward(o: Tensor): { y: Tensor; saved: BranchOutputSaved | undefined } {
    const { backend: b, norm, factor } = this;
    return b.arena(() => {
      const normed = norm?.forward(cast(b, o, 'f32'));
      return { y: scaled(b, normed?.y ?? o, factor), saved: normed && { o, inverse: normed.inverse } };
    });
  }

  /** dy f32 [N, width] -> do, in the products' type. */
  backward(dy: Tensor, saved: BranchOutputSaved | undefined): Tensor {
    const { backend: b, norm, factor, compute } = this;
    return b.arena(() => {
      const dFactor = scaled(b, dy, factor);
      const d = norm ? norm.backward(dFactor, cast(b, saved!.o, 'f32'), saved!.inverse) : dFactor;
      return cast(b, d, compute);
    });
  }
}
