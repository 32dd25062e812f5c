import { expect, test } from 'vitest';
import { interpolate } from '../../../src/weights/index.ts';

const layer = { name: 'blk.0.attn_q', rank: 1, in: 2, out: 1 };
const start = {
  architecture: 'llama',
  alpha: 4,
  layers: [{ ...layer, a: Float32Array.of(1, 2), b: Float32Array.of(1) }],
};
const end = {
  architecture: 'llama',
  alpha: 8,
  layers: [{ ...layer, a: Float32Array.of(3, 0), b: Float32Array.of(2) }],
};

test.each([
  // At the alpha of `end`, the start has half of its B.
  { share: 0, a: [1, 2], b: [0.5] },
  { share: 0.5, a: [2, 1], b: [1.25] },
  { share: 1, a: [3, 0], b: [2] },
])('has parameters at $share of the way', ({ share, a, b }) => {
  const between = interpolate(start, end, share);
  expect(between.alpha).toBe(8);
  expect([...between.layers[0]!.a]).toEqual(a);
  expect([...between.layers[0]!.b]).toEqual(b);
});

test('rejects adapters of different shapes', () => {
  const other = { ...end, layers: [{ ...end.layers[0]!, name: 'blk.1.attn_q' }] };
  expect(() => interpolate(start, other, 0.5)).toThrow(RangeError);
});
