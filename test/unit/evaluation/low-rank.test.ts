/** Low-rank parts of matrices whose singular values are known. */
import { beforeAll, describe, expect, it } from 'vitest';
import { lowRankPart, orthonormal } from '../../../src/evaluation/spectrum/low-rank.ts';
import { gaussian } from '../../../src/statistics/random.ts';
import { startBackend, type Backend } from '../../../src/tensor/index.ts';

let backend: Backend;
beforeAll(async () => {
  backend = await startBackend('wasm');
});

const energy = (x: ArrayLike<number>) => Array.from(x).reduce((sum, one) => sum + one * one, 0);
const minus = (x: Float32Array, y: Float32Array) => x.map((one, i) => one - y[i]!);

function product(rows: number, columns: number, rank: number): Float32Array {
  const [left, right] = [gaussian(rows * rank, 1, 1), gaussian(rank * columns, 1, 2)];
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    let sum = 0;
    for (let r = 0; r < rank; r += 1) sum += left[row * rank + r]! * right[r * columns + column]!;
    return sum;
  });
}

/** Row `k` of the orthogonal matrix of a cosine transform. */
const cosine = (k: number, at: number, size: number) =>
  Math.sqrt((k ? 2 : 1) / size) * Math.cos((Math.PI * (at + 0.5) * k) / size);

function withSingularValues(singular: readonly number[], rows: number, columns: number): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return singular.reduce((sum, s, k) => sum + s * cosine(k, row, rows) * cosine(k, column, columns), 0);
  });
}

/** What Gaussian elimination leaves of the energy after `rank` rows: nothing, if the matrix has this rank. */
function energyBeyond(x: Float32Array, columns: number, rank: number): number {
  const rows = Array.from({ length: x.length / columns }, (_, i) =>
    Float64Array.from(x.subarray(i * columns, (i + 1) * columns)),
  );
  for (let turn = 0; turn < rank; turn += 1) {
    const longest = rows.toSorted((a, b) => energy(b) - energy(a))[0]!.slice();
    for (const row of rows) {
      const share = row.reduce((sum, one, k) => sum + one * longest[k]!, 0) / energy(longest);
      for (let k = 0; k < columns; k += 1) row[k]! -= share * longest[k]!;
    }
  }
  return rows.reduce((sum, row) => sum + energy(row), 0);
}

describe.each([
  [48, 80],
  [80, 48],
  [64, 64],
])('of a matrix of %d rows and %d columns', (rows, columns) => {
  it('is the matrix itself if it has this rank', async () => {
    const values = product(rows, columns, 5);
    const part = await lowRankPart(backend, { values, rows, columns }, 5);
    expect(energy(minus(values, part))).toBeLessThan(1e-9 * energy(values));
    expect(await lowRankPart(backend, { values, rows, columns }, Math.min(rows, columns))).toBe(values);
  });

  // As close to each other as those of random signs, and so of a sign optimiser's change.
  it.each([4, 16, 32])('of rank %d holds as much as the best one, of close singular values', async (rank) => {
    const small = Math.min(rows, columns);
    const best = Array.from(
      { length: small },
      (_, k) => Math.sqrt(Math.max(rows, columns)) + Math.sqrt(small) * (1 - (2 * k + 1) / small),
    );
    const values = withSingularValues(best, rows, columns);
    const part = await lowRankPart(backend, { values: values.slice(), rows, columns }, rank);
    const share = energy(part) / energy(best.slice(0, rank));
    expect(share).toBeGreaterThan(0.98);
    expect(share).toBeLessThan(1 + 1e-5);
    // A projection: the remainder is orthogonal to it, and its rank is no higher.
    expect(energy(part) + energy(minus(values, part))).toBeCloseTo(energy(values), 1);
    expect(energyBeyond(part, columns, rank)).toBeLessThan(1e-8 * energy(part));
  });
});

it('is zero for zeros, and leaks no tensors', async () => {
  const before = backend.liveTensors;
  const part = await lowRankPart(backend, { values: new Float32Array(60), rows: 6, columns: 10 }, 2);
  expect(energy(part)).toBe(0);
  expect(backend.liveTensors).toBe(before);
});

it('orthonormalises vectors, even nearly dependent ones', () => {
  const [count, length] = [6, 20];
  const x = gaussian(count * length, 1, 3);
  for (let i = 0; i < length; i += 1) x[5 * length + i] = x[i]! + 1e-5 * x[5 * length + i]!;
  const q = orthonormal(x, count, length);
  for (let i = 0; i < count; i += 1)
    for (let j = 0; j <= i; j += 1) {
      let dot = 0;
      for (let k = 0; k < length; k += 1) dot += q[i * length + k]! * q[j * length + k]!;
      expect(dot).toBeCloseTo(i === j ? 1 : 0, 5);
    }
});
