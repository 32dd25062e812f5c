import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { Mask } from '../tensor/compound.ts';
import { mix, uniform } from '../statistics/random.ts';

/**
 * Dropout masks cut out of one table of random zeros and ones at random places, as evolution strategies share their
 * noise (Salimans et al. 2017). A mask costs no random numbers, is the same in forward and backward
 * and on every backend, and follows from (seed, place in the model) alone. The factor 1 / (1 - p) is not in the
 * mask, so that bf16 holds it exactly: see LoRA's scale.
 */
export class DropoutNoise {
  private table: Tensor | undefined;
  private length = 0;

  constructor(
    private readonly backend: Backend,
    private readonly probability: number,
    private readonly dtype: DataType,
  ) {}

  /** Zeros (share `probability`) and ones for `count` numbers, at most `largest`: keep that the same in a run. */
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

/** Where the largest mask may begin; others have more places. */
const PLACES = 2 ** 20;
