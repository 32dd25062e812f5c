/** Compares a backend with the reference on tensors of odd shapes: the composition on WebAssembly, or plain arithmetic. */
import { beforeAll, describe, expect, it } from 'vitest';
import { quantise } from './quantise.ts';
import { Random } from './random.ts';
import type { TensorType } from '../../src/gguf/index.ts';
import { startBackend, type Backend, type Tensor } from '../../src/tensor/index.ts';

type Make = (shape: readonly number[]) => Tensor;
interface Makers {
  make: Make;
  ints(values: number[]): Tensor;
  /**
   * A size: odd, or, if tensors are split into pieces, the next multiple of four, since pieces begin at such offsets.
   */
  n(size: number): number;
}
type Case = (b: Backend, makers: Makers) => Tensor[];

const stored = (b: Backend, type: TensorType, rows: number, columns: number) =>
  b.compound.store(type, quantise(type, new Random(rows).normals(rows * columns)), [rows, columns]);

/** Shapes that no tile, workgroup or vector divides. */
const cases: Record<string, Case> = {
  'a product': (b, { make, n }) => [b.matmul(make([197, n(131)]), make([n(131), n(323)]))],
  'a product by a transposed matrix': (b, { make, n }) => [
    b.matmul(make([131, n(197)]), make([n(323), n(197)]), { transposeB: true }),
  ],
  'a transposed product': (b, { make, n }) => [
    b.matmul(make([331, n(197)]), make([331, n(67)]), { transposeA: true }),
  ],
  'a product of two transposed': (b, { make, n }) => [
    b.matmul(make([n(67), n(331)]), make([n(197), n(67)]), { transposeA: true, transposeB: true }),
  ],
  'a product with few columns': (b, { make, n }) => [
    b.matmul(make([517, n(259)]), make([n(5), n(259)]), { transposeB: true }),
  ],
  'a product over a long inner axis': (b, { make, n }) => [
    b.matmul(make([n(2501), n(37)]), make([n(2501), n(67)]), { transposeA: true }),
    b.matmul(make([7, n(1301)]), make([n(1301), n(67)])),
  ],
  'products in a batch': (b, { make, n }) => [
    b.matmul(make([3, 5, n(37), n(19)]), make([3, 5, n(19), n(41)])),
  ],
  'sums with broadcasting': (b, { make }) => {
    const x = make([7, 65, 33]);
    return [b.add(x, make([33])), b.sub(x, make([7, 1, 33])), b.div(make([65, 1]), b.add(b.square(x), 1))];
  },
  'sums along each axis': (b, { make, n }) => {
    const x = make([65, n(35), n(19)]);
    return [b.sum(make([5, 35, 19]), 0), b.mean(x, 1, true), b.sum(x, 2), b.sumOfSquares(x)];
  },
  'a row sum of many': (b, { make, n }) => [b.sum(make([3, n(5001)]), 1), b.softmax(make([3, n(5001)]))],
  softmax: (b, { make, n }) => [b.softmax(make([131, n(67)])), b.logSoftmax(make([331, n(67)]))],
  transposing: (b, { make }) => [b.transpose(make([35, 3, 67, 5]), [2, 0, 3, 1])],
  'cutting and joining': (b, { make }) => {
    const x = make([65, 35, 19]);
    const part = b.slice(x, [3, 1, 2], [60, 34, 17]);
    return [part, b.concat([part, make([60, 34, 5])], 2), b.concat([x, make([2, 35, 19])], 0)];
  },
  'rows of a table': (b, { make, ints, n }) => {
    const indices = ints([299, 0, 17, 17, 128, 299]);
    const table = make([300, n(67)]);
    const found = b.gather(table, indices);
    return [found, b.setRows(b.addRows(table, make([6, n(67)]), indices), make([11, n(67)]), 289)];
  },
  'cross-entropy': (b, { make, ints, n }) => {
    const labels = ints(Array.from({ length: 67 }, (_, i) => 13 * i));
    const { losses, gradient } = b.crossEntropy(make([67, n(901)]), labels);
    return [losses, gradient];
  },
  'an optimiser': (b, { make }) => {
    const [value, first, second] = [make([329, 67]), make([329, 67]), b.square(make([329, 67]))];
    const states = [{ value, first, second, gradient: make([329, 67]) }];
    const numbers = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
    return Object.values(b.compound.adamw(states, { ...numbers, gradientScale: 0.7, step: 3 })[0]!);
  },
  norms: (b, { make, n }) => {
    const [x, gain] = [make([397, n(67)]), make([n(67)])];
    const { y, inverse } = b.compound.norm(x, gain, 1e-5, 'f32');
    return [y, inverse, b.compound.normGradient(make(x.shape), x, inverse, gain, make(x.shape))];
  },
  'a gated MLP': (b, { make, n }) => {
    const gateUp = make([197, 2 * n(67)]);
    return [b.compound.swiglu(gateUp), b.compound.swigluGradient(gateUp, make([197, n(67)]))];
  },
  'a block of a matrix': (b, { make }) => [
    b.compound.accumulate(make([70, 67]), [70, 67], make([199, 131]), { row: 20, column: 16, scale: 0.3 }),
    b.compound.put(make([199, 131]), make([170, 67]), { row: 20, column: 16, scale: 0.3 }),
  ],
  'quantised matrices': (b) => [
    b.compound.dequantise([stored(b, 'Q8_0', 231, 96), stored(b, 'Q5_1', 67, 96)], 'f32'),
    b.compound.dequantise([stored(b, 'Q4_0', 901, 160)], 'f32', Int32Array.of(900, 5, 5, 128, 0)),
    b.compound.dequantise([stored(b, 'Q4_K', 67, 256), stored(b, 'Q6_K', 47, 256)], 'f32'),
  ],
};

/**
 * @param inPieces whether `start` returns a backend that has to split these tensors into pieces
 * @param tolerance relative to the largest value
 * @param only cases with such a name
 */
export function oddShapesSuite(
  title: string,
  start: () => Promise<Backend>,
  {
    inPieces = false,
    tolerance = 1e-5,
    only = /./,
  }: { inPieces?: boolean; tolerance?: number; only?: RegExp } = {},
): void {
  describe(title, () => {
    let b: Backend;
    let reference: Backend;
    beforeAll(async () => {
      [b, reference] = [await start(), await startBackend('wasm')];
    });

    it.each(Object.keys(cases).filter((name) => only.test(name)))('%s', async (name) => {
      const results: Float32Array[][] = [];
      for (const backend of [reference, b]) {
        let seed = 0;
        const make: Make = (shape) => {
          const count = shape.reduce((product, size) => product * size, 1);
          return backend.tensor(new Random((seed += 1)).normals(count), shape);
        };
        const ints = (values: number[]) => backend.tensor(Int32Array.from(values), [values.length]);
        const n = (size: number) => (inPieces ? Math.ceil(size / 4) * 4 : size);
        const made = backend.arena(() => cases[name]!(backend, { make, ints, n }));
        const values: Float32Array[] = [];
        for (const tensor of made) values.push(await backend.read(tensor));
        backend.dispose(made);
        results.push(values);
      }
      const [wanted, found] = results as [Float32Array[], Float32Array[]];
      expect(found.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length));
      for (const [k, values] of wanted.entries())
        expect(largestDifference(found[k]!, values)).toBeLessThan(tolerance);
    });
  });
}

/** The largest difference, relative to the largest value. */
function largestDifference(found: Float32Array, wanted: Float32Array): number {
  const scale = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30);
  return wanted.reduce((most, x, i) => Math.max(most, Math.abs(x - found[i]!)), 0) / scale;
}
