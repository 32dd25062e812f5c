import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { Mask } from '../tensor/compound.ts';
import { mix, uniform } from '../statistics/random.ts';

/**
 * Dropout masks: slices at random positions of one table of random zeros and ones, like the shared noise of evolution
 * strategies (Salimans et al. 2017). A mask needs no random numbers of its own and depends only on the seed (which
 * includes the place in the model), so it is the same in forward and backward and on every backend. The factor
 * 1 / (1 - p) is not in the mask, so that the mask is exact in bf16; it is part of LoRA's scale.
 */
export class DropoutNoise {
  private table: Tensor | undefined;
  private length = 0;

  constructor(
    private readonly backend: Backend,
    private readonly probability: number,
    private readonly dtype: DataType,
  ) {}

  /** A mask of `count` zeros (share `probability`) and ones. `largest`: largest `count` of the run, always the same. */
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

/** Number of positions where the largest mask can begin; smaller ones have more. */
const PLACES = 2 ** 20;
