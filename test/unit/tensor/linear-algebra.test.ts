import { describe, expect, it } from 'vitest';
import { gaussian } from '../../../src/statistics/random.ts';
import {
  singularValues,
  symmetricEigenvalues,
  triangularFactor,
} from '../../../src/tensor/linear-algebra.ts';
import reference from '../../reference/singular-values.json' with { type: 'json' };

/** The largest difference, relative to the largest value. */
function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let most = 0;
  for (let i = 0; i < actual.length; i += 1) most = Math.max(most, Math.abs(actual[i]! - expected[i]!));
  return most / Math.max(...Array.from(expected, Math.abs), Number.MIN_VALUE);
}

/** x with its rows reflected at random vectors: multiplied from the left by an orthogonal matrix. */
function reflected(x: Float64Array, rows: number, columns: number, seed: number): Float64Array {
  const y = x.slice();
  for (let turn = 0; turn < 3; turn += 1) {
    const u = gaussian(rows, 1, seed + turn);
    const squares = u.reduce((sum, value) => sum + value * value, 0);
    for (let column = 0; column < columns; column += 1) {
      let dot = 0;
      for (let row = 0; row < rows; row += 1) dot += u[row]! * y[row * columns + column]!;
      for (let row = 0; row < rows; row += 1) y[row * columns + column]! -= (2 * dot * u[row]!) / squares;
    }
  }
  return y;
}

function transposed(x: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from(x, (_, i) => x[(i % rows) * columns + Math.floor(i / rows)]!);
}

describe('singular values', () => {
  it.each(reference.matrices)('match NumPy’s: $name', ({ shape, matrix, values }) => {
    const [rows, columns] = shape as [number, number];
    // With the Gram matrix, values below 1e-8 of the largest would be lost.
    expect(distance(singularValues(Float32Array.from(matrix), rows, columns), values)).toBeLessThan(2e-8);
  });

  it('are those a matrix was made from, in every order and shape', () => {
    const [rows, columns] = [60, 40];
    const made = Float64Array.from({ length: columns }, (_, i) => 2 + Math.cos(i));
    const diagonal = new Float64Array(rows * columns);
    made.forEach((value, i) => (diagonal[i * columns + i] = value));
    const left = reflected(diagonal, rows, columns, 1);
    const wide = reflected(transposed(left, rows, columns), columns, rows, 9);
    const expected = made.toSorted().reverse();
    expect(distance(singularValues(Float32Array.from(wide), columns, rows), expected)).toBeLessThan(1e-6);
    const tall = transposed(wide, columns, rows);
    expect(distance(singularValues(Float32Array.from(tall), rows, columns), expected)).toBeLessThan(1e-6);
  });

  it('are zero for zeros, and the absolute value for a single number', () => {
    expect([...singularValues(new Float32Array(12), 3, 4)]).toEqual([0, 0, 0]);
    expect([...singularValues(Float32Array.of(-2.5), 1, 1)]).toEqual([2.5]);
  });

  it('leave their input unchanged', () => {
    const x = gaussian(20, 1, 3);
    const before = x.slice();
    singularValues(x, 5, 4);
    expect(x).toEqual(before);
  });
});

it('eigenvalues of the second difference are the known ones, and add up to the trace', () => {
  const size = 30;
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i += 1) {
    matrix[i * size + i] = 2;
    if (i) matrix[i * size + i - 1] = -1;
  }
  const expected = Float64Array.from(
    { length: size },
    (_, i) => 2 + 2 * Math.cos((Math.PI * (i + 1)) / (size + 1)),
  );
  expect(distance(symmetricEigenvalues(matrix, size), expected)).toBeLessThan(1e-14);
});

it('a triangular factor has the columns’ own dot products, however many there are', () => {
  for (const [rows, columns] of [
    [9, 4],
    [4, 4],
    [3, 5],
  ] as const) {
    const x = Array.from({ length: columns }, (_, i) => Float64Array.from(gaussian(rows, 1, 7 + i)));
    const factor = triangularFactor(x.map((column) => column.slice()));
    const height = Math.min(rows, columns);
    expect(factor.length).toBe(height * columns);
    for (let i = 0; i < columns; i += 1)
      for (let j = 0; j < columns; j += 1) {
        let sum = 0;
        for (let k = 0; k < height; k += 1) sum += factor[k * columns + i]! * factor[k * columns + j]!;
        const dot = x[i]!.reduce((total, value, k) => total + value * x[j]![k]!, 0);
        expect(sum).toBeCloseTo(dot, 12);
        if (i < height && j < i) expect(factor[i * columns + j]).toBe(0);
      }
  }
});
