/** Tests the kernels without a fallback, on small odd shapes, against plain loops in double precision. */
import { dequantise } from '../../../gguf/dequantise.ts';
import { byteLengthOf, isQuantised, tensorTypeNames, type TensorType } from '../../../gguf/types.ts';
import type { Tensor } from '../../tensor.ts';
import type { WebgpuBackend } from '../webgpu.ts';

/** What a kernel should have computed. */
export interface Answer {
  found: Tensor;
  expected: ArrayLike<number>;
}

/** Deterministic pseudo-random numbers around zero with a long period. */
export function numbers(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * 1.5);
}

type Check = (b: WebgpuBackend) => Answer[];

export const basics: Readonly<Record<string, Check>> = {
  'matrix products': (b) =>
    // A small and a large tile, both partially filled; then an inner axis that is split into slices.
    productsOf(b, [
      [37, 21, 19],
      [67, 53, 70],
      [9, 5, 1100],
    ]),
  'sums along rows': (b) => {
    const [rows, width] = [5, 259];
    const x = numbers(rows * width, 3);
    const along = (f: (row: Float32Array) => number) =>
      Array.from({ length: rows }, (_, r) => f(x.subarray(r * width, (r + 1) * width)));
    const tensor = b.tensor(x.slice(), [rows, width]);
    const exponents = x.map(Math.exp);
    const totals = along((row) => row.reduce((sum, value) => sum + Math.exp(value), 0));
    return [
      { found: b.sum(tensor, 1), expected: along((row) => row.reduce((sum, value) => sum + value, 0)) },
      {
        found: b.sum(tensor, 0),
        expected: Array.from({ length: width }, (_, i) => sumOf(rows, (r) => x[r * width + i]!)),
      },
      {
        found: b.softmax(tensor),
        expected: exponents.map((value, i) => value / totals[Math.floor(i / width)]!),
      },
      { found: b.sumOfSquares(tensor), expected: [x.reduce((sum, value) => sum + value * value, 0)] },
    ];
  },
  'arithmetic and copies': (b) => {
    const [rows, columns] = [13, 29];
    const [x, y] = [numbers(rows * columns, 4), numbers(columns, 5)];
    const tensor = b.tensor(x.slice(), [rows, columns]);
    const row = b.tensor(y.slice(), [columns]);
    const turned = Array.from(
      { length: x.length },
      (_, i) => x[(i % rows) * columns + Math.floor(i / rows)]!,
    );
    return [
      { found: b.mul(b.add(tensor, row), 0.5), expected: x.map((value, i) => (value + y[i % columns]!) / 2) },
      { found: b.sigmoid(tensor), expected: x.map((value) => 1 / (1 + Math.exp(-value))) },
      { found: b.transpose(tensor, [1, 0]), expected: turned },
      {
        found: b.slice(tensor, [3, 5], [2, 7]),
        expected: Array.from({ length: 14 }, (_, i) => x[(3 + Math.floor(i / 7)) * columns + 5 + (i % 7)]!),
      },
    ];
  },
  'rows of tables': (b) => {
    const [rows, width] = [11, 7];
    const x = numbers(rows * width, 6);
    const chosen = Int32Array.of(10, 3, 3);
    const parts = numbers(3 * width, 7);
    const sum = Float64Array.from(x);
    parts.forEach((value, i) => (sum[chosen[Math.floor(i / width)]! * width + (i % width)]! += value));
    const table = () => b.tensor(x.slice(), [rows, width]);
    const indices = b.tensor(chosen.slice(), [3]);
    return [
      {
        found: b.gather(table(), indices),
        expected: parts.map((_, i) => x[chosen[Math.floor(i / width)]! * width + (i % width)]!),
      },
      { found: b.addRows(table(), b.tensor(parts.slice(), [3, width]), indices), expected: sum },
    ];
  },
  'quantised weights': (b) => tensorTypeNames.filter(isQuantised).map((type) => numbersOf(b, type)),
};

function numbersOf(b: WebgpuBackend, type: TensorType): Answer {
  const [rows, columns] = [4, 256];
  // With this bit cleared, no scale can be infinite.
  const bytes = Uint8Array.from(
    { length: byteLengthOf(type, rows * columns) },
    (_, i) => (i * i * 7 + i * 31) & 0xbf,
  );
  const words = b.tensor(new Int32Array(bytes.slice().buffer), [bytes.length / 4]);
  return {
    found: b.compound.dequantise([{ type, rows, columns, bytes: words }], 'f32'),
    expected: dequantise(type, bytes, rows * columns),
  };
}

type Size = readonly [rows: number, columns: number, inner: number];

/**
 * Products of these sizes, with each combination of transposed matrices.
 * @param short use only values that f16 represents exactly
 */
export function productsOf(b: WebgpuBackend, sizes: readonly Size[], short = false): Answer[] {
  const ways = [0, 1, 2, 3].map((bits) => [(bits & 2) > 0, (bits & 1) > 0] as const);
  return ways.flatMap((transposed) => sizes.map((size) => productOf(b, size, transposed, short)));
}

function productOf(
  b: WebgpuBackend,
  [m, n, k]: Size,
  [transposeA, transposeB]: readonly [boolean, boolean],
  short: boolean,
): Answer {
  const values = (count: number, seed: number) =>
    numbers(count, seed).map((value) => (short ? Math.round(256 * value) / 256 : value));
  const [x, y] = [values(m * k, 1), values(k * n, 2)];
  const left = b.tensor(x.slice(), transposeA ? [k, m] : [m, k]);
  const right = b.tensor(y.slice(), transposeB ? [n, k] : [k, n]);
  const at = (row: number, column: number) =>
    sumOf(
      k,
      (i) => x[transposeA ? i * m + row : row * k + i]! * y[transposeB ? column * k + i : i * n + column]!,
    );
  return {
    found: b.matmul(left, right, { transposeA, transposeB }),
    expected: Array.from({ length: m * n }, (_, i) => at(Math.floor(i / n), i % n)),
  };
}

function sumOf(count: number, f: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i += 1) sum += f(i);
  return sum;
}
