import type { Backend, DataType, Tensor } from '../tensor/backend.ts';

/** What is done to the output of attention or of the MLP before the residual stream takes it: a factor (Granite). */
export class Landing {
  constructor(
    private readonly backend: Backend,
    private readonly factor: number,
    private readonly compute: DataType,
  ) {}

  /** o [N, width] -> what is added, of the same type. */
  forward(o: Tensor): Tensor {
    return this.factor === 1 ? o : this.backend.mul(o, this.factor);
  }

  /** dy f32 [N, width] -> do, in the products' type. */
  backward(dy: Tensor): Tensor {
    const { backend: b, factor, compute } = this;
    const d = factor === 1 ? dy : b.mul(dy, factor);
    return d.dtype === compute ? d : b.cast(d, compute as 'f32' | 'bf16');
  }
}
