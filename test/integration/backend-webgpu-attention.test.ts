/** Fused attention on a GPU against attention composed of small operations. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Attention } from '../../src/model/attention.ts';
import type { ModelConfig } from '../../src/model/config.ts';
import { DropoutNoise } from '../../src/model/dropout.ts';
import { Composed } from '../../src/tensor/composed.ts';
import { startBackend, type Backend } from '../../src/tensor/index.ts';
import { startWebgpu } from '../../src/tensor/webgpu/start.ts';
import type { WebgpuBackend } from '../../src/tensor/webgpu/webgpu.ts';
import { ownHome } from '../support/own-home.ts';
import { Random } from '../support/random.ts';
import { canTestWebgpu } from '../support/vulkan.ts';

ownHome();

interface Case {
  batch: number;
  length: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  /** Where documents begin in each sequence, besides 0. */
  documents?: number[];
  window?: number;
  dropout?: number;
}

/** Except for the first ones, tiles divide no length, size or group. */
const cases: Case[] = [
  { batch: 2, length: 128, heads: 3, kvHeads: 1, headSize: 64 },
  { batch: 1, length: 301, heads: 9, kvHeads: 3, headSize: 64 },
  { batch: 1, length: 1, heads: 2, kvHeads: 2, headSize: 12 },
  { batch: 3, length: 37, heads: 14, kvHeads: 2, headSize: 12 },
  { batch: 2, length: 67, heads: 2, kvHeads: 1, headSize: 130 },
  { batch: 2, length: 203, heads: 3, kvHeads: 1, headSize: 12, documents: [5, 6, 71, 130] },
  { batch: 2, length: 203, heads: 2, kvHeads: 2, headSize: 12, window: 19 },
  { batch: 1, length: 203, heads: 4, kvHeads: 2, headSize: 12, window: 50, documents: [100, 171] },
  { batch: 2, length: 37, heads: 4, kvHeads: 2, headSize: 12, dropout: 0.2 },
  { batch: 2, length: 203, heads: 3, kvHeads: 1, headSize: 12, documents: [5, 71, 171], dropout: 0.3 },
];

const title = (options: Case) =>
  JSON.stringify(options)
    .replace(/["{}]/g, '')
    .replace(/,(?=\w)/g, ', ');

describe.skipIf(!(await canTestWebgpu()))('fused attention', () => {
  let gpu: Backend;
  let inPieces: WebgpuBackend;
  let reference: Backend;
  beforeAll(async () => {
    gpu = await startBackend('webgpu');
    // A kernel sees one or two of the sequences at a time.
    inPieces = (await startWebgpu('asked for', 64 * 1024)) as WebgpuBackend;
    reference = withCompound(gpu, new Composed(gpu));
  });

  it.each(cases.map((options) => ({ title: title(options), options })))('$title', async ({ options }) => {
    await compare(gpu, options);
  });

  it('processes one sequence at a time if a kernel cannot bind more', () =>
    compare(inPieces, { batch: 3, length: 128, heads: 4, kvHeads: 2, headSize: 12, documents: [40] }));

  it.each([1e5, 2e6, 6e6])('stays within %d operations per dispatch', async (most) => {
    const { gpu: device } = gpu as WebgpuBackend;
    const [before, run] = [device.maxOperations, device.run];
    let dispatches = 0;
    device.maxOperations = most;
    device.run = (kernel, bindings, numbers, workgroups, operations) => {
      if (kernel.name.startsWith('attention')) {
        dispatches += 1;
        // A single tile takes more than the smallest of these limits.
        expect(operations).toBeLessThanOrEqual(Math.max(most, 1.2e6));
      }
      run.call(device, kernel, bindings, numbers, workgroups, operations);
    };
    try {
      const options = { batch: 2, length: 203, heads: 4, kvHeads: 2, headSize: 12, documents: [5, 171] };
      await compare(gpu, { ...options, dropout: 0.3 });
      expect(dispatches).toBeGreaterThan(9);
    } finally {
      device.maxOperations = before;
      device.run = run;
    }
  });

  it('falls back to chunks if heads are too large', async () => {
    const options = { batch: 1, length: 20, heads: 1, kvHeads: 1, headSize: 260 };
    expect((await results(gpu, options)).whole).toBe(false);
    await compare(gpu, options, false);
  });

  async function compare(backend: Backend, options: Case, whole = true): Promise<void> {
    const found = await results(backend, options);
    expect(found.whole).toBe(whole);
    const wanted = await results(reference, options);
    expect(furthest(found.o, wanted.o), 'o').toBeLessThan(1e-5);
    expect(furthest(found.dqkv, wanted.dqkv), 'dqkv').toBeLessThan(1e-5);
  }
});

/** The backend with other compound operations. */
function withCompound(b: Backend, compound: Composed): Backend {
  const own = (name: keyof Backend) =>
    typeof b[name] === 'function' ? (b[name] as () => unknown).bind(b) : b[name];
  return new Proxy(b, { get: (_, name) => (name === 'compound' ? compound : own(name as keyof Backend)) });
}

async function results(b: Backend, options: Case) {
  const { batch, length, heads, kvHeads, headSize, documents = [], window, dropout } = options;
  const config = { heads, kvHeads, headSize, ropePairing: 'halves' } as ModelConfig;
  const attention = new Attention(b, config);
  const before = b.liveTensors;
  const starts = Int32Array.from({ length: batch * length }, (_, i) =>
    // The second sequence has different documents.
    Math.max(0, ...documents.map((at) => at + Math.floor(i / length)).filter((at) => at <= i % length)),
  );
  const plan = attention.plan(batch, length, starts, window);
  let seed = 0;
  const make = (...shape: number[]) =>
    b.tensor(new Random((seed += 1)).normals(shape.reduce((x, y) => x * y, 1)), shape);
  const angle = (f: (x: number) => number) =>
    b.tensor(
      Float32Array.from({ length: (length * headSize) / 2 }, (_, i) => f(i / 7)),
      [length, headSize / 2],
    );
  const noise = new DropoutNoise(b, dropout ?? 0, 'f32');
  const largest = batch * length * heads * Math.max(128, headSize);
  const drops = dropout && {
    keepRate: 1 - dropout,
    mask: (count: number, chunk: number) => noise.mask(count, largest, [3, chunk]),
  };
  const results = b.arena(() => {
    const angles = { cos: angle(Math.cos), sin: angle(Math.sin) };
    const qkv = make(batch * length, (heads + 2 * kvHeads) * headSize);
    const saved = attention.forward(qkv, plan, angles, drops || undefined);
    const dO = make(batch * length, heads * headSize);
    const dqkv = attention.backward(dO, saved, plan, angles, drops || undefined);
    return { o: saved.o, dqkv, whole: saved.lines !== undefined };
  });
  const [o, dqkv] = [await b.read(results.o), await b.read(results.dqkv)];
  noise.dispose();
  b.dispose(results, plan.chunks);
  expect(b.liveTensors).toBe(before);
  return { o, dqkv, whole: results.whole };
}

/** The largest difference, relative to the largest value. */
function furthest(found: Float32Array, wanted: Float32Array): number {
  expect(found.length).toBe(wanted.length);
  const scale = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30);
  const off = (x: number, i: number) => (Number.isNaN(found[i]) ? Infinity : Math.abs(x - found[i]!));
  return wanted.reduce((most, x, i) => Math.max(most, off(x, i)), 0) / scale;
}
