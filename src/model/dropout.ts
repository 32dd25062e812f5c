import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import { mix, uniform } from './random.ts';

/**
 * Dropout masks cut out of one table of random zeros and ones at random places, as evolution strategies share their
 * noise (Salimans et al. 2017). A mask costs a copy instead of random numbers, is the same in forward and backward
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

  /** Zeros (share `probability`) and ones, [rows, columns]. `rows` fixes the table's size: keep it the same in a run. */
  mask(rows: number, columns: number, largest: number, seed: readonly number[]): Tensor {
    const table = this.sized(rows * largest);
    const count = rows * columns;
    const begin = mix(...seed) % (this.length - count);
    return this.backend.arena(() =>
      this.backend.reshape(this.backend.slice(table, [begin], [count]), [rows, columns]),
    );
  }

  private sized(largest: number): Tensor {
    const length = Math.max(MIN_LENGTH, 2 ** Math.ceil(Math.log2(2 * largest)));
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

const MIN_LENGTH = 2 ** 20;
