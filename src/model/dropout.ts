import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { Mask } from '../tensor/compound.ts';
import { mix, uniform } from '../statistics/random.ts';

/**
 * Dropout masks: slices, at random offsets, of one table of random zeros and ones, like the shared noise table of
 * evolution strategies (Salimans et al. 2017). A mask depends only on its seed (which includes the place in the model),
 * so it is the same forward and backward and on every backend. The factor 1 / (1 - p) is part of LoRA's scale and not
 * of the mask, which is therefore exact in bf16.
 */
export class DropoutNoise {
  private table: Tensor | undefined;
  private length = 0;

  constructor(
    private readonly backend: Backend,
    private readonly probability: number,
    private readonly dtype: DataType,
  ) {}

  /**
   * A mask of `count` elements, zero with `probability`, else one. `largest`: the run's largest `count`, a constant.
   */
  mask(count: number, largest: number, seed: readonly number[]): Mask {
    const table = this.sized(largest);
    return { table, begin: mix(...seed) % (this.length - count) };
  }

  private sized(largest: number): Tensor {
    const length = largest + PLACES;
    if (this.table && this.length === length) return this.table;
    this.dispose();
    const next = uniform(length);
    const values = new Float32Array(length);
    for (let i = 0; i < length; i += 1) values[i] = next() < this.probability ? 0 : 1;
    this.length = length;
    this.table = this.backend.keep(
      this.backend.arena(() => {
        const table = this.backend.tensor(values, [length]);
        return this.dtype === 'bf16' ? this.backend.cast(table, 'bf16') : table;
      }),
    );
    return this.table;
  }

  dispose(): void {
    this.backend.dispose(this.table);
    this.table = undefined;
  }
}

/** Number of possible offsets of the largest mask. */
const PLACES = 2 ** 20;
