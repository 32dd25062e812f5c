import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { StoredMatrix } from '../tensor/compound.ts';

/**
 * A frozen matrix [out, in] that stays quantised, as its file stores it; its numbers exist only while they are used.
 * It may be several matrices of the file, stacked on each other. `compute`: type of the numbers.
 */
export class StoredWeight {
  constructor(
    private readonly backend: Backend,
    private readonly matrices: readonly StoredMatrix[],
    private readonly compute: DataType,
  ) {}

  /** Calls `use` with all numbers [out, in], and frees them. */
  with<T>(use: (weight: Tensor) => T): T {
    const weight = this.backend.compound.dequantise(this.matrices, this.compute);
    try {
      return use(weight);
    } finally {
      this.backend.dispose(weight);
    }
  }

  /** The rows `indices` [m, in]. */
  rows(indices: Int32Array): Tensor {
    return this.backend.compound.dequantise(this.matrices, this.compute, indices);
  }

  dispose(): void {
    this.backend.dispose(this.matrices.map(({ bytes }) => bytes));
  }
}
