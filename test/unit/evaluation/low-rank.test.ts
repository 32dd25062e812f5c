/** Low-rank parts, compared with the singular values of the whole matrix. */
import { beforeAll, describe, expect, it } from 'vitest';
import { lowRankPart, orthonormal } from '../../../src/evaluation/spectrum/low-rank.ts';
import { gaussian } from '../../../src/statistics/random.ts';
import { startBackend, type Backend } from '../../../src/tensor/index.ts';
import { singularValues } from '../../../src/tensor/linear-algebra.ts';

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

  // Random signs: their spectrum is as flat as that of a sign optimiser's change.
  it.each([4, 16, 32])('of rank %d holds as much as the best one, for random signs', async (rank) => {
    const values = gaussian(rows * columns, 1, 7).map(Math.sign);
    const best = singularValues(values, rows, columns);
    const part = await lowRankPart(backend, { values: values.slice(), rows, columns }, rank);
    const share = energy(part) / energy(best.slice(0, rank));
    expect(share).toBeGreaterThan(0.98);
    expect(share).toBeLessThan(1 + 1e-5);
    // A projection: the remainder is orthogonal to it, and its rank is no higher.
    expect(energy(part) + energy(minus(values, part))).toBeCloseTo(energy(values), 1);
    const own = singularValues(part, rows, columns);
    expect(own[rank]!).toBeLessThan(1e-4 * own[0]!);
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
