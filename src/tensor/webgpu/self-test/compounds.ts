/**
 * Tests the compound kernels on small odd shapes against compositions of basic operations, which were tested before.
 */
import { elementCount } from '../../../gguf/types.ts';
import type { Compound, Heads, QueryChunk } from '../../compound.ts';
import { ComposedProducts } from '../../linear-products.ts';
import type { Tensor } from '../../tensor.ts';

import type { WebgpuBackend } from '../webgpu.ts';
import { numbers } from './basics.ts';

/** What a check needs: the backend's tensors, and the compound operations to test, or the composed reference. */
export interface Place {
  b: WebgpuBackend;
  c: Compound;
  make(shape: readonly number[], seed: number): Tensor;
  /** Disposed at the end, because their cached masks outlive arenas. */
  chunks: QueryChunk[];
}
type Check = (place: Place) => Tensor[];

export const placeOf = (b: WebgpuBackend, c: Compound): Place => ({
  b,
  c,
  chunks: [],
  make: (shape, seed) => b.tensor(numbers(elementCount(shape), seed), shape),
});

/** Kernels that have a slower fallback. */
export type Optional = 'attention' | 'products' | 'makeContiguous';
export const optional: Readonly<Record<Optional, Check>> = {
  // The most common head sizes: other sizes get their own kernels.
  attention: (place) => [...attention(place, 64, false), ...attention(place, 128, true)],
  products: ({ b, c, make }) => {
    const products =
      c.products ?? new ComposedProducts({ matmul: b.matmul.bind(b), add: b.add, compound: c });
    const mask = {
      table: maskOf(b, 9000),
      begin: 7,
    };
    const [x, w, bias] = [make([67, 70], 1), make([53, 70], 2), make([53], 3)];
    const [lowX, lowW] = [make([67, 5], 4), make([53, 5], 5)];
    const z = products.masked(x, make([5, 70], 6), mask);
    const forward = products.sum(x, w, { transposeB: true, bias, second: { x: lowX, w: lowW } });
    const plus = products.sum(x, w, { transposeB: true, plus: make([67, 53], 7) });
    const dy = make([67, 53], 8);
    const backward = products.sum(dy, w, { second: { x: lowX, w: make([5, 70], 9), mask } });
    const blocks = [
      { sum: undefined, shape: [20, 3], place: { row: 4, column: 0, scale: 0.5 } },
      { sum: make([29, 3], 10), shape: [29, 3], place: { row: 24, column: 2, scale: 0.5 } },
    ];
    const whole = [{ sum: undefined, shape: [5, 70] }];
    return [
      z,
      forward,
      plus,
      backward,
      ...products.accumulate(dy, lowX, blocks),
      ...products.accumulate(lowX, x, whole, mask),
    ];
  },
  makeContiguous: ({ b, c, make }) => {
    const shapes = [[7, 5], [3], [31, 9]];
    const tensors = (seed: number) => shapes.map((shape, i) => make(shape, 10 * seed + i));
    const side = (xs: Tensor[]) => c.makeContiguous?.(xs) ?? xs;
    const [value, first, second, gradient] = [1, 2, 3, 4].map((seed) => side(tensors(seed)));
    const norm = b.sum(
      c.sumsOfSquares?.(gradient!) ??
        b.concat(
          gradient!.map((x) => b.reshape(b.sumOfSquares(x), [1])),
          0,
        ),
      0,
    );
    const states = shapes.map((_, i) => ({
      value: value![i]!,
      first: first![i]!,
      second: b.square(second![i]!),
      gradient: gradient![i]!,
    }));
    const seconds = side(states.map((state) => state.second));
    const moved = c.adamw(
      states.map((state, i) => ({ ...state, second: seconds[i]! })),
      adam,
    );
    const [value0, value1] = side([make([7, 5], 5), make([3, 5], 6)]) as [Tensor, Tensor];
    const placed = [
      { block: value0, row: 0, column: 2 },
      { block: value1, row: 8, column: 7 },
    ];
    const whole = make([13, 17], 7);
    const put =
      c.putAll?.(whole, placed, 0.5) ??
      placed.reduce((sum, { block, ...at }) => c.put(sum, block, { ...at, scale: 0.5 }), whole);
    return [norm, put, ...moved.flatMap((state) => Object.values(state))];
  },
};

const adam = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.1,
  gradientScale: 0.7,
  step: 3,
};

export const required: Readonly<Record<string, Check>> = {
  norms: ({ c, make }) => {
    const [x, gain, dy] = [make([5, 131], 1), make([131], 2), make([5, 131], 3)];
    const { y, inverse } = c.norm(x, gain, 1e-5, 'f32');
    return [y, inverse, c.normGradient(dy, x, inverse, gain, make([5, 131], 4))];
  },
  'the gated MLP': ({ c, make }) => {
    const gateUp = make([9, 2 * 37], 1);
    return [c.swiglu(gateUp), c.swigluGradient(gateUp, make([9, 37], 2))];
  },
  'heads and their scores': (place) => {
    const { b, c, make } = place;
    const layout = { length: 11, heads: 6, kvHeads: 2, headSize: 10, pairing: 'halves' } as const;
    const angles = { cos: make([11, 5], 1), sin: make([11, 5], 2) };
    const { q, k, v } = c.splitHeads(make([22, 100], 3), angles, layout);
    const scores = b.matmul(b.reshape(q, [4, 33, 10]), k, { transposeB: true });
    const p = c.maskedSoftmax(scores, chunkOf(place, 3, 11));
    const d = c.softmaxGradient(p, make([4, 33, 11], 4));
    return [q, v, p, d, c.joinHeads(q, k, v, angles, layout)];
  },
  'sums with a mask': ({ c, make }) => [
    c.addInto(make([9, 31], 1), make([9, 31], 2), { table: make([300], 3), begin: 7 }),
  ],
  'the loss': ({ b, c, make }) => {
    const labels = b.tensor(Int32Array.of(5, 0, 298), [3]);
    const { losses, gradient } = c.crossEntropy(make([3, 299], 1), labels, make([3], 2));
    return [losses, gradient!];
  },
  optimisers: ({ b, c, make }) => {
    const state = () => ({ value: make([7, 43], 1), first: make([7, 43], 2), gradient: make([7, 43], 3) });
    const second = b.square(make([7, 43], 4));
    return [...c.adamw([{ ...state(), second }], adam), ...c.lionw([state()], adam)].flatMap((x) =>
      Object.values(x),
    );
  },
};

function chunkOf({ b, chunks }: Place, group: number, length: number): QueryChunk {
  const starts = Int32Array.from({ length: 2 * length }, (_, i) => {
    const document = 4 + Math.floor(i / length);
    return i % length < document ? 0 : document;
  });
  const all = b.tensor(starts, [2 * length]);
  const chunk = { length, begin: 0, rows: length, from: 0, group, kvHeads: 2, starts: all };
  chunks.push(chunk);
  return chunk;
}

/** Attention of two sequences, forward and backward. `drops`: with dropout on the probabilities. */
function attention(place: Place, size: number, drops: boolean): Tensor[] {
  const { b, c, make } = place;
  const [outer, length, group] = [4, 37, 3];
  const chunk = chunkOf(place, group, length);
  const plan = { batch: 2, length, chunks: [chunk] };
  const heads: Heads = {
    // Small, so that each query attends to several keys.
    q: b.mul(make([outer, length, group * size], 1), 1 / 8),
    k: make([outer, length, size], 2),
    v: make([outer, length, size], 3),
  };
  const dO = make([2 * length, 2 * group * size], 4);
  const scores = [outer, length * group, length];
  const kept = drops ? maskOf(b, elementCount(scores)) : undefined;
  const dropout = kept && { mask: () => ({ table: kept, begin: 0 }), keepRate: KEEP_RATE };
  if (c.attention?.supports(heads, plan, dropout)) {
    const saved = { ...heads, ...c.attention.forward(heads, plan, dropout) };
    return [saved.o, ...Object.values(c.attention.gradient(dO, saved, plan, dropout))];
  }
  const turned = (x: Tensor) =>
    b.reshape(b.transpose(b.reshape(x, [2, length, 2, group * size]), [0, 2, 1, 3]), [
      outer,
      length * group,
      size,
    ]);
  const dropped = (x: Tensor) => (kept ? b.mul(b.mul(x, b.reshape(kept, scores)), 1 / KEEP_RATE) : x);
  const q = b.reshape(heads.q, [outer, length * group, size]);
  const p = c.maskedSoftmax(b.matmul(q, heads.k, { transposeB: true }), chunk);
  const shares = dropped(p);
  const o = b.transpose(b.reshape(b.matmul(shares, heads.v), [2, 2, length, group * size]), [0, 2, 1, 3]);
  const d = turned(dO);
  const dv = b.matmul(shares, d, { transposeA: true });
  const dS = c.softmaxGradient(p, dropped(b.matmul(d, heads.v, { transposeB: true })));
  return [o, b.matmul(dS, heads.k), b.matmul(dS, q, { transposeA: true }), dv];
}

const KEEP_RATE = 2 / 3;
/** Keeps two of three. */
const maskOf = (b: WebgpuBackend, count: number) =>
  b.tensor(
    Float32Array.from({ length: count }, (_, i) => Number(i % 3 > 0)),
    [count],
  );
