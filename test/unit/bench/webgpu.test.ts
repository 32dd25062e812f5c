/** The counts of bench:webgpu, against a fake GPU and computed by hand. */
import { expect, it } from 'vitest';
import { neededBytes, countOn } from '../../../bench/webgpu/counters.ts';
import { timeProducts, type Multiplier } from '../../../bench/webgpu/products.ts';
import { leastBytes } from '../../../bench/webgpu/steps.ts';
import { shapes } from '../../../bench/training/job.ts';

it('counts dispatches, the bytes they access, and the time waiting', async () => {
  const done: unknown[] = [];
  const gpu = {
    run: (...args: unknown[]) => void done.push(args[0]),
    read: async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return new ArrayBuffer(8);
    },
  };
  const counts = countOn(gpu);
  const bindings = {
    a: { storage: { capacity: 1000 } },
    b: { storage: { capacity: 4096 }, begin: 256, bytes: 512 },
    shared: { storage: { capacity: 1e6 }, used: 100 },
    mask: undefined,
  };
  gpu.run('add', bindings, {}, 1);
  gpu.run('mul', { c: { storage: { capacity: 1024 }, begin: 256 } }, {}, 1);
  expect((await gpu.read()).byteLength).toBe(8);
  expect(done).toEqual(['add', 'mul']);
  expect(counts).toMatchObject({ dispatches: 2, bytes: 1000 + 512 + 100 + 768 });
  expect(counts.waited).toBeGreaterThan(0);
  expect(neededBytes(bindings)).toBe(1612);
});

it('computes the minimum a step moves', () => {
  // Two passes over the weights; the logits of ten tokens five times; trained parameters seven times with LionW.
  const plan = { weights: 1000, parameters: 10, optimiser: 10, activations: 100 };
  expect(leastBytes({ vocabularySize: 50 }, plan, 10)).toBe(2000 + 300 + 50 + 20 + 5 * 4 * 50 * 10);
});

it("runs a step's large products, forward and backward, and frees its buffers", async () => {
  const products: string[] = [];
  let alive = 0;
  const multiplier: Multiplier = {
    put: (values, shape) => {
      expect(values.length).toBe(shape[0] * shape[1]);
      alive += 1;
      return shape;
    },
    multiply: (a, b, transposeB) => {
      const [[m, k], [rows, columns]] = [a, b] as [[number, number], [number, number]];
      expect(k).toBe(transposeB ? columns : rows);
      products.push(`${m} ${k}`);
      return Promise.resolve();
    },
    free: () => void (alive -= 1),
  };
  const { seconds, rate } = await timeProducts(multiplier, {
    shape: shapes['smollm2-135m'],
    tokens: 4,
    repeats: 2,
  });
  // q, k and v; o; gate and up; down; the head; each with one warm-up.
  expect(products).toHaveLength(5 * 2 * 3);
  // The attention output has the same size in both directions.
  expect(seconds.size).toBe(10 - 1);
  expect(rate).toBeGreaterThan(0);
  expect(alive).toBe(0);
});
