import { expect, test } from 'vitest';
import { expandRank } from '../../../src/weights/index.ts';

/** (alpha / rank) B A, [out, in]. */
function change({ alpha, layers: [layer] }: ReturnType<typeof expandRank>): number[] {
  const { a, b, rank, in: columns, out } = layer!;
  return Array.from({ length: out * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += b[row * rank + r]! * a[r * columns + column]!;
    return (alpha / rank) * sum;
  });
}

const adapter = {
  architecture: 'llama',
  alpha: 6,
  layers: [
    {
      ...{ name: 'blk.0.attn_q', rank: 2, in: 3, out: 4 },
      a: Float32Array.from([1, 2, 3, 4, 5, 6]),
      b: Float32Array.from([1, 0, 0, 1, 2, 2, -1, 3]),
    },
  ],
};

test('changes the base as before at a higher rank', () => {
  const expanded = expandRank(adapter, 5, () => new Float32Array(15).fill(7));
  expect(change(expanded)).toEqual(change(adapter));
  const { a, b } = expanded.layers[0]!;
  expect([...a]).toEqual([1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
  expect(b).toHaveLength(20);
});

test('rejects a lower rank', () => {
  expect(() => expandRank(adapter, 1, () => new Float32Array(3))).toThrow(RangeError);
});
