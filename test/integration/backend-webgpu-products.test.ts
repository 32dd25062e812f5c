/** Matrix products on the WebGPU backend: tile shapes, very large products, and which tile is chosen. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cacheDir } from '../../src/platform/files/paths.ts';
import { startBackend, type Backend, type Tensor } from '../../src/tensor/index.ts';
import type { Kernel } from '../../src/tensor/webgpu/kernel.ts';
import { candidates, forms, tileNames, defaultTiles } from '../../src/tensor/webgpu/kernels/tiles.ts';
import { splitTiles } from '../../src/tensor/webgpu/products.ts';
import { fastestTiles, correctTiles } from '../../src/tensor/webgpu/self-test/tile-choice.ts';
import { openWebgpu, startWebgpu } from '../../src/tensor/webgpu/start.ts';
import type { WebgpuBackend } from '../../src/tensor/webgpu/webgpu.ts';
import { ownHome } from '../support/own-home.ts';
import { Random } from '../support/random.ts';
import { canTestWebgpu } from '../support/vulkan.ts';

ownHome();

interface Sizes {
  rows: number;
  columns: number;
  inner: number;
  transposeA?: boolean;
  transposeB?: boolean;
}

/** No tile divides any of them; the last one is computed in slices. */
const odd: Sizes[] = [
  { rows: 197, columns: 131, inner: 67 },
  { rows: 133, columns: 259, inner: 35, transposeB: true },
  { rows: 261, columns: 17, inner: 71, transposeA: true },
  { rows: 19, columns: 197, inner: 1301, transposeA: true, transposeB: true },
];

const operands = (b: Backend, { rows, columns, inner, transposeA, transposeB }: Sizes): [Tensor, Tensor] => {
  const random = new Random(rows);
  return [
    b.tensor(random.normals(rows * inner), transposeA ? [inner, rows] : [rows, inner]),
    b.tensor(random.normals(inner * columns), transposeB ? [columns, inner] : [inner, columns]),
  ];
};

async function products(b: Backend, all = odd): Promise<Float32Array[]> {
  const values: Float32Array[] = [];
  for (const sizes of all) {
    const c = b.arena(() => b.matmul(...operands(b, sizes), sizes));
    values.push(await b.read(c));
    b.dispose(c);
  }
  return values;
}

/** The largest difference of any product, relative to its largest value. */
const furthest = (found: readonly Float32Array[], wanted: readonly Float32Array[]): number =>
  Math.max(
    ...wanted.map((values, k) => {
      const scale = values.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30);
      return values.reduce((most, x, i) => Math.max(most, Math.abs(x - found[k]![i]!)), 0) / scale;
    }),
  );

describe.skipIf(!(await canTestWebgpu()))('products on WebGPU', () => {
  let b: WebgpuBackend;
  let wanted: Float32Array[];
  beforeAll(async () => {
    b = await openWebgpu('asked for');
    wanted = await products(await startBackend('wasm'));
  });

  it('have the same bits with every tile shape', async () => {
    const usual = await products(b);
    expect(furthest(usual, wanted)).toBeLessThan(1e-5);
    for (const tile of tileNames) {
      b.launcher.tiles = { square: tile, tall: tile, wide: tile };
      expect(await products(b)).toEqual(usual);
    }
    b.launcher.tiles = defaultTiles;
  });

  it('use only tiles that this driver computes correctly', async () => {
    expect(await correctTiles(b)).toEqual(expect.arrayContaining([...tileNames]));
    const other = await openWebgpu('asked for');
    const run = other.gpu.run.bind(other.gpu);
    const changed = new Map<Kernel, Kernel>();
    other.gpu.run = (kernel, ...rest) => {
      if (!kernel.name.startsWith('product tall')) return run(kernel, ...rest);
      const wrong = changed.get(kernel) ?? { ...kernel, wgsl: kernel.wgsl.replace('x1.y * y0', 'x1.x * y0') };
      expect(wrong.wgsl).not.toBe(kernel.wgsl);
      changed.set(kernel, wrong);
      run(wrong, ...rest);
    };
    const right = await correctTiles(other);
    expect(right.toSorted()).toEqual(tileNames.filter((tile) => tile !== 'tall').toSorted());
    expect(other.launcher.tiles).toBe(defaultTiles);
  });

  it('use a correct tile that is worth measuring', async () => {
    const live = b.liveTensors;
    const chosen = await fastestTiles(b, tileNames);
    for (const form of forms) expect(candidates[form]).toContain(chosen[form]);
    expect(await fastestTiles(b, ['middle', 'small'])).toMatchObject({
      square: expect.stringMatching(/^(middle|small)$/) as string,
    });
    expect(b.launcher.tiles).toBe(defaultTiles);
    expect(b.liveTensors).toBe(live);
  });

  it('use the tiles that were fastest on this adapter before', async () => {
    await startWebgpu('asked for');
    const file = join(cacheDir(), 'webgpu-kernels.json');
    const outcomes = JSON.parse(await readFile(file, 'utf8')) as Record<string, object>;
    const [adapter, outcome] = Object.entries(outcomes)[0]!;
    const tiles = { square: 'coarse', tall: 'tall', wide: 'small' };
    await mkdir(cacheDir(), { recursive: true });
    await writeFile(file, JSON.stringify({ [adapter]: { ...outcome, tiles } }));
    expect(((await startWebgpu('asked for')) as WebgpuBackend).launcher.tiles).toEqual(tiles);
  });

  it('are split into several dispatches if one would occupy the GPU for too long', async () => {
    const usual = await products(b);
    const batch = (of: Backend) =>
      of.arena(() => {
        const random = new Random(5);
        const [x, y] = [
          of.tensor(random.normals(3 * 70 * 33), [3, 70, 33]),
          of.tensor(random.normals(3 * 33 * 90), [3, 33, 90]),
        ];
        return of.matmul(x, y);
      });
    const whole = await b.read(batch(b));
    const run = b.gpu.run.bind(b.gpu);
    const taken: number[] = [];
    b.gpu.run = (kernel, bindings, numbers, workgroups, operations) => {
      if (kernel.name.startsWith('product')) taken.push(operations!);
      run(kernel, bindings, numbers, workgroups, operations);
    };
    const most = b.gpu.maxOperations;
    // Two of the largest tiles here.
    b.gpu.maxOperations = 2 * 2 * 64 * 64 * 67;
    expect(await products(b)).toEqual(usual);
    expect(await b.read(batch(b))).toEqual(whole);
    expect(taken.length).toBeGreaterThan(15);
    expect(Math.max(...taken)).toBeLessThanOrEqual(b.gpu.maxOperations);
    b.gpu.maxOperations = most;
    b.gpu.run = run;
  });

  it.each([
    [[5, 4, 3], 100],
    [[5, 4, 3], 41],
    [[5, 4, 3], 13],
    [[5, 4, 3], 3],
    [[5, 4, 3], 0.2],
  ] as const)('put each of %j workgroups in exactly one dispatch of at most %d', ([x, y, z], most) => {
    const seen = new Set<string>();
    for (const { begins, counts } of splitTiles([x, y, z], most)) {
      expect(counts[0] * counts[1] * counts[2]).toBeLessThanOrEqual(Math.max(1, most));
      for (let k = 0; k < counts[2]; k += 1)
        for (let j = 0; j < counts[1]; j += 1)
          for (let i = 0; i < counts[0]; i += 1) {
            const one = [begins[0] + i, begins[1] + j, begins[2] + k].join();
            expect(seen.has(one)).toBe(false);
            seen.add(one);
          }
    }
    expect(seen.size).toBe(x * y * z);
  });
});
