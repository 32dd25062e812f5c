/** The best low-rank approximation of a matrix. */
import { gaussian, mix } from '../../statistics/random.ts';
import type { Backend, Tensor } from '../../tensor/backend.ts';
import type { Matrix } from './weights.ts';

/**
 * Rounds of the power iteration. For ranks of 16 to 256, the part then holds more than 98% of the energy that the best
 * approximation holds, also of a matrix of random signs, whose singular values are the closest. Low ranks need more.
 */
const powerIterations = (rank: number): number => Math.round(Math.min(16, Math.max(4, 1024 / rank)));
const SEED = 11;

/** Operations of making vectors orthogonal, which take most of the time. */
export const lowRankOperations = ([rows, columns]: readonly [number, number], rank: number): number => {
  const small = Math.min(rows, columns);
  return rank < small ? (powerIterations(rank) + 1) * 2 * small * rank ** 2 : 0;
};

/**
 * The matrix, row by row, projected onto the subspace of its `rank` largest singular vectors, by block power iteration
 * (Halko, Martinsson & Tropp 2011, algorithm 4.4). Where singular values are too close for the vectors to be found
 * exactly, other vectors hold almost as much. Returns the matrix itself if its rank is not higher.
 */
export async function lowRankPart(
  backend: Backend,
  { values, rows, columns }: Matrix,
  rank: number,
): Promise<Float32Array> {
  const small = Math.min(rows, columns);
  if (rank >= small) return values;
  const wide = rows <= columns;
  const matrix = backend.tensor(values, [rows, columns]);
  const gram = backend.matmul(matrix, matrix, wide ? { transposeB: true } : { transposeA: true });
  const apply = async (work: (basis: Tensor) => Tensor, vectors: Float32Array) => {
    const product = backend.arena(() => work(backend.tensor(vectors, [rank, small])));
    const read = await backend.read(product);
    backend.dispose(product);
    return read;
  };
  // A vector is a row.
  let basis = orthonormal(gaussian(rank * small, 1, mix(SEED, rank, small)), rank, small);
  for (let round = 0; round < powerIterations(rank); round += 1)
    basis = orthonormal(await apply((vectors) => backend.matmul(vectors, gram), basis), rank, small);
  const projected = await apply(
    (vectors) =>
      wide
        ? backend.matmul(vectors, backend.matmul(vectors, matrix), { transposeA: true })
        : backend.matmul(backend.matmul(matrix, vectors, { transposeB: true }), vectors),
    basis,
  );
  backend.dispose(gram, matrix);
  return projected;
}

/** A vector that lost more than this share of its length is orthogonalized again. */
const LOST = 0.9;
/** Below this share, the rest of a linearly dependent vector is only rounding error. */
const NOTHING = 1e-12;

/** Rows of the same span as those of x [count, length], orthonormal (Gram-Schmidt); a dependent one becomes zeros. */
export function orthonormal(x: Float32Array, count: number, length: number): Float32Array {
  const rows = Array.from({ length: count }, (_, i) =>
    Float64Array.from(x.subarray(i * length, (i + 1) * length)),
  );
  const result = new Float32Array(count * length);
  for (const [i, row] of rows.entries()) {
    const before = norm(row);
    let size = before;
    for (let turn = 0; turn < 2; turn += 1) {
      const last = size;
      for (let j = 0; j < i; j += 1) subtract(row, rows[j]!);
      size = norm(row);
      if (size > (1 - LOST) * last) break;
    }
    const by = size > NOTHING * before ? 1 / size : 0;
    for (let k = 0; k < length; k += 1) row[k]! *= by;
    result.set(row, i * length);
  }
  return result;
}

const norm = (x: Float64Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));

/** x without its part along the unit vector u. */
function subtract(x: Float64Array, u: Float64Array): void {
  let dot = 0;
  for (let k = 0; k < x.length; k += 1) dot += x[k]! * u[k]!;
  for (let k = 0; k < x.length; k += 1) x[k]! -= dot * u[k]!;
}
