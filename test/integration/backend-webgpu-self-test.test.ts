/** A driver that computes incorrectly is detected before it trains. Such drivers are simulated by changing kernels. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadModel } from '../../src/model/index.ts';
import { moduleNames } from '../../src/protocol/run.ts';
import { memoryError } from '../../src/tensor/webgpu/failures.ts';
import type { Kernel } from '../../src/tensor/webgpu/kernel.ts';
import { testKernels, disableFaulty } from '../../src/tensor/webgpu/self-test/self-test.ts';
import { openWebgpu, startWebgpu } from '../../src/tensor/webgpu/start.ts';
import type { WebgpuBackend } from '../../src/tensor/webgpu/webgpu.ts';
import { Optimizer } from '../../src/training/optimizers.ts';
import { tinyTokens, tinyWeights } from '../support/tiny-weights.ts';
import { canTestWebgpu } from '../support/vulkan.ts';
import { english } from '../../src/text/message.ts';

let home: string;
beforeAll(async () => void (home = await mkdtemp(join(tmpdir(), 'fmn-'))));
beforeEach(() => void vi.stubEnv('FORGET_ME_NOT_HOME', home));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rm(home, { recursive: true }));

const start = () => startWebgpu('asked for') as Promise<WebgpuBackend>;

/** An untested backend whose driver compiles `to` instead of `from` in kernels of this name. */
async function broken(name: RegExp, from: string | RegExp, to: string): Promise<WebgpuBackend> {
  const backend = await openWebgpu('asked for');
  const { gpu } = backend;
  const run = gpu.run.bind(gpu);
  const changed = new Map<Kernel, Kernel>();
  gpu.run = (kernel, ...rest) => {
    const { inSubgroups, ...plain } = kernel;
    const used = (gpu.subgroups && inSubgroups) || plain;
    if (!name.test(used.name)) return run(kernel, ...rest);
    const other = changed.get(kernel) ?? { ...used, wgsl: used.wgsl.replace(from, to) };
    expect(other.wgsl).not.toBe(used.wgsl);
    changed.set(kernel, other);
    run(other, ...rest);
  };
  return backend;
}

/** The gradient's norm and all parameters after some steps of a tiny model, with both kinds of dropout. */
async function trained(b: WebgpuBackend): Promise<Float32Array[]> {
  const dropouts = { dropout: 0.1, attentionDropout: 0.1 };
  const lora = { rank: 4, alpha: 8, seed: 3, targets: moduleNames, precision: 'f32' } as const;
  const model = await loadModel(b, tinyWeights(), { ...lora, ...dropouts, method: 'lora' });
  const optimizer = new Optimizer(model, { optimizer: 'adamw', weightDecay: 0.01, learningRate: 1e-3 });
  const norms: number[] = [];
  for (let step = 0; step < 3; step += 1) {
    const pass = { seed: [1, step] as [number, number], lossWeight: 1 / 40 };
    // Two batches, so that gradients are added.
    for (const part of [0, 1])
      await model.accumulate({ tokens: tinyTokens(2 * 21, 40, 2 * step + part), rows: 2, length: 20 }, pass);
    norms.push(await model.gradientNorm());
    optimizer.step({ learningRate: 1e-3, gradientScale: 1 });
    model.zeroGradients();
  }
  const values: Float32Array[] = [Float32Array.from(norms)];
  for (const { name } of model.parameters) values.push(await model.read(name));
  optimizer.dispose();
  model.dispose();
  return values;
}

describe.skipIf(!(await canTestWebgpu()))('the self-test of a driver', () => {
  it('passes here and remembers it', async () => {
    const backend = await start();
    expect(backend.compound.attention).toBeDefined();
    expect(english(backend.reason)).not.toContain('wrongly');
    const file = join(home, 'cache', 'webgpu-kernels.json');
    const outcomes = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    expect(Object.values(outcomes)).toEqual([{ leftOut: [] }]);
    const before = backend.liveTensors;
    expect(await testKernels(backend)).toEqual({ leftOut: [] });
    expect(backend.liveTensors).toBe(before);

    const [adapter] = Object.keys(outcomes);
    await writeFile(file, JSON.stringify({ [adapter!]: { leftOut: ['attention'] } }));
    const other = await start();
    expect(other.compound.attention).toBeUndefined();
    expect(other.compound.products).toBeDefined();
    expect(english(other.reason)).toMatch(
      /; its driver computes wrongly fused attention, so it is computed in chunks$/,
    );
    await rm(file);
  });

  it('remembers nothing about a driver that it lacks the memory to test', async () => {
    const backend = await openWebgpu('asked for');
    await rm(join(home, 'cache'), { recursive: true, force: true });
    const { gpu } = backend;
    const run = gpu.run.bind(gpu);
    gpu.run = (kernel, ...rest) => {
      if (kernel.name.startsWith('attention')) throw memoryError();
      run(kernel, ...rest);
    };
    await expect(disableFaulty(backend, 'X')).rejects.toMatchObject({ code: 'memory' });
    expect(existsSync(join(home, 'cache', 'webgpu-kernels.json'))).toBe(false);
  });

  it('remembers nothing about a GPU that a test limits', async () => {
    await startWebgpu('asked for', 64 * 1024);
    expect(existsSync(join(home, 'cache', 'webgpu-kernels.json'))).toBe(false);
  });

  it.each([
    ['attention', /^attention's dk/, 'exp(', 'sin('],
    ['attention', /^attention 128 dropout/, 'kept(outer, mine.x', 'kept(outer, mine.y'],
    ['f16', /^product .* f16$/, 'x0.y * y0', 'x0.x * y0'],
    [
      'f16',
      /^product .* f16$/,
      /Four\((four_\w+\([^;]*\))\);/g,
      'Four(clamp($1, vec4f(-65504.0), vec4f(65504.0)));',
    ],
    ['subgroups', /^norm in subgroups/, 'subgroupAdd', 'subgroupMax'],
    ['products', /^product .*second/, 'p.inner2', '(p.inner2 - 1u)'],
  ] as const)('disables %s', async (kind, name, from, to) => {
    const backend = await broken(name, from, to);
    expect(await testKernels(backend)).toEqual({ leftOut: [kind] });
  });

  it('trains the same without the optional kernels', async () => {
    const [whole, rest] = [await start(), await start()];
    rest.compound.disable(['attention', 'products', 'makeContiguous']);
    const [wanted, found] = [await trained(whole), await trained(rest)];
    expect(found.length).toBe(wanted.length);
    for (const [i, values] of wanted.entries()) {
      const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30);
      const off = values.reduce((most, x, k) => Math.max(most, Math.abs(x - found[i]![k]!)), 0);
      expect(off / largest).toBeLessThan(1e-4);
    }
    expect(rest.liveTensors).toBe(whole.liveTensors);
  });

  it('disables what does not compile, and continues', async () => {
    const backend = await broken(/^attention 64/, /let outer = [^;]+;/, 'let outer = ;');
    await rm(join(home, 'cache'), { recursive: true, force: true });
    await disableFaulty(backend, 'X');
    expect(backend.compound.attention).toBeUndefined();
    expect([...(await backend.read(backend.add(backend.zeros([2]), 3)))]).toEqual([3, 3]);
  });

  it.each([
    [/^product small/, 'x0.y * y0', 'x0.x * y0', 'matrix products'],
    [/^normGradient/, 'inverse * inverse * inverse', 'inverse', 'norms'],
    [/^squareSums/, '+=', '-=', 'sums along rows'],
    [/^sumSlices/, 'sum += parts', 'sum -= parts', 'matrix products'],
    [/^dequantise Q4_K/, 'half(at), half(at + 2u)', 'half(at + 2u), half(at)', 'quantised weights'],
    [/^addMasked/, '+= x', '-= x', 'sums with a mask'],
    [/^copy/, 'y[at.y] = x[at.x]', 'y[at.y] = x[at.y]', 'arithmetic and copies'],
  ])('refuses a driver that breaks %s', async (name, from, to, what) => {
    const backend = await broken(name, from, to);
    await rm(join(home, 'cache'), { recursive: true, force: true });
    const refused = {
      code: 'backend-unavailable',
      message: expect.stringContaining(`The driver of An old GPU computes ${what} wrongly`) as string,
      next: 'Update the driver, or train with --backend tensorflow or wasm.',
    };
    await expect(disableFaulty(backend, 'An old GPU')).rejects.toMatchObject(refused);
    // It is not tested twice.
    backend.gpu.run = () => expect.fail('A kernel ran.');
    await expect(disableFaulty(backend, 'An old GPU')).rejects.toMatchObject(refused);
    await rm(join(home, 'cache'), { recursive: true });
  });
});
