import type { Backend, DataType, Tensor } from '../tensor/backend.ts';
import type { StoredMatrix } from '../tensor/compound.ts';

/** A frozen matrix [out, in] whose rows are made while in use. */
export interface RowSource {
  rows(indices: Int32Array): Tensor;
}

/**
 * A frozen matrix [out, in] that stays quantised and is dequantised only while in use. It may consist of several of the
 * file's matrices, stacked. `compute`: type of the dequantised values.
 */
export class StoredWeight implements RowSource {
  constructor(
    private readonly backend: Backend,
    private readonly matrices: readonly StoredMatrix[],
    private readonly compute: DataType,
  ) {}

  /** Calls `use` with the dequantised matrix [out, in], then frees it. */
  with<T>(use: (weight: Tensor) => T): T {
    const weight = this.backend.compound.dequantise(this.matrices, this.compute);
    try {
      return use(weight);
    } finally {
      this.backend.dispose(weight);
    }
  }

  rows(indices: Int32Array): Tensor {
    return this.backend.compound.dequantise(this.matrices, this.compute, indices);
  }

  dispose(): void {
    this.backend.dispose(this.matrices.map(({ bytes }) => bytes));
  }
}
