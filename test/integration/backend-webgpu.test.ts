/** The WebGPU backend on any adapter; without a GPU, on Mesa's llvmpipe, which computes on the CPU. */
import { describe, expect, it } from 'vitest';
import { loadModel, type ModelOptions } from '../../src/model/index.ts';
import { moduleNames } from '../../src/protocol/run.ts';
import { startWebgpu } from '../../src/tensor/webgpu/start.ts';
import type { WebgpuBackend } from '../../src/tensor/webgpu/webgpu.ts';
import { Optimizer } from '../../src/training/optimizers.ts';
import { compoundSuite } from '../support/compound-suite.ts';
import { headSuite } from '../support/head-suite.ts';
import { oddShapesSuite } from '../support/odd-shapes-suite.ts';
import { ownHome } from '../support/own-home.ts';
import { sharedBackend } from '../support/shared-backend.ts';
import { storedSuite } from '../support/stored-suite.ts';
import { tensorSuite } from '../support/tensor-suite.ts';
import { tinyTokens, tinyWeights } from '../support/tiny-weights.ts';
import { canTestWebgpu } from '../support/vulkan.ts';

ownHome();
const shared = () => sharedBackend('webgpu');
const start = (maxBindingSize?: number) => startWebgpu('asked for', maxBindingSize) as Promise<WebgpuBackend>;
/** A limit of bytes per binding at which tensors of some ten thousand numbers are processed in pieces. */
const FEW = 64 * 1024;

describe.skipIf(!(await canTestWebgpu()))('WebGPU', () => {
  tensorSuite('webgpu');
  describe('the kernels against the composition', () => compoundSuite(shared, ['f32']));
  describe('quantised matrices', () => storedSuite(shared, ['f32']));
  describe('the head', () => headSuite(shared));
  describe('the head, in pieces', () => headSuite(() => start(64 * FEW)));
  oddShapesSuite('odd shapes', shared);
  oddShapesSuite('odd shapes, in pieces', () => start(FEW), { inPieces: true });

  it('refuses tensors that fit into no buffer or cannot be split', async () => {
    const b = await start(FEW);
    expect(() => b.zeros([2 ** 40])).toThrow(
      /^Training needs .* in one piece, and this GPU gives .* at most\.$/,
    );
    expect(() => b.matmul(b.zeros([2, 200, 200]), b.zeros([2, 200, 200]))).toThrow(
      /larger than what this GPU/,
    );
  });

  it('reports a lost GPU on every later call', async () => {
    const b = await start();
    const x = b.zeros([1000]);
    const reading = b.read(x);
    b.gpu.device.destroy();
    const sentence = { code: 'gpu-lost', next: expect.stringContaining('{resume}') as string };
    await expect(reading).rejects.toMatchObject(sentence);
    await expect(b.read(x)).rejects.toMatchObject(sentence);
    expect(() => b.add(x, 1)).toThrow('The GPU was lost');
  });

  it('reports device errors instead of returning numbers', async () => {
    const b = await start();
    const x = b.zeros([4]);
    b.gpu.device.createBuffer({ size: 2 ** 50, usage: GPUBufferUsage.STORAGE });
    await expect(b.read(x)).rejects.toThrow('exceeds the max buffer size');
  });

  it('does not let an upload overwrite memory that queued commands still read', async () => {
    const b = await start();
    const results = Array.from({ length: 20 }, (_, i) =>
      b.arena(() => b.mul(b.tensor(new Float32Array(300).fill(i), [300]), 2)),
    );
    for (const [i, x] of results.entries()) expect((await b.read(x))[299]).toBe(2 * i);
  });

  it('needs few dispatches for each block of a step, and few others', async () => {
    const b = await start();
    let dispatches = 0;
    const run = b.gpu.run.bind(b.gpu);
    b.gpu.run = (...call) => {
      dispatches += 1;
      run(...call);
    };
    const count = async (layers: number) => {
      const lora = { rank: 4, alpha: 8, dropout: 0.1, seed: 3, targets: moduleNames } as const;
      const model = await loadModel(b, tinyWeights({ layers }), {
        ...lora,
        method: 'lora',
        precision: 'f32',
      });
      const optimizer = new Optimizer(model, { optimizer: 'adamw', weightDecay: 0.01, learningRate: 1e-2 });
      const step = async () => {
        const pass = { seed: [1, 2] as [number, number], lossWeight: 1 / 40 };
        await model.accumulate({ tokens: tinyTokens(2 * 21, 40), rows: 2, length: 20 }, pass);
        await model.gradientNorm();
        optimizer.step({ learningRate: 1e-2, gradientScale: 1 });
        model.zeroGradients();
      };
      // The first step creates what later ones reuse.
      await step();
      dispatches = 0;
      await step();
      optimizer.dispose();
      model.dispose();
      return dispatches;
    };
    const [two, five] = [await count(2), await count(5)];
    const block = (five - two) / 3;
    expect(block).toBeLessThanOrEqual(46);
    expect(two - 2 * block).toBeLessThanOrEqual(20);
  });

  it('does not grow in memory over many steps, and is bit-for-bit reproducible', async () => {
    const b = await start();
    const run = async (steps: number) => {
      const options = { rank: 4, alpha: 8, dropout: 0.1, seed: 3, targets: moduleNames } as const;
      const lora: ModelOptions = { ...options, method: 'lora', precision: 'f32' };
      const model = await loadModel(b, tinyWeights(), lora);
      const optimizer = new Optimizer(model, { optimizer: 'adamw', weightDecay: 0.01, learningRate: 1e-2 });
      const sizes: number[] = [];
      const losses: number[] = [];
      for (let step = 0; step < steps; step += 1) {
        const batch = { tokens: tinyTokens(2 * 21, 40, step % 3), rows: 2, length: 20 };
        const pass = { seed: [1, step] as [number, number], lossWeight: 1 / 40 };
        losses.push((await model.accumulate(batch, pass)).lossSum);
        optimizer.step({ learningRate: 1e-2, gradientScale: 1 / Math.max(1, await model.gradientNorm()) });
        model.zeroGradients();
        sizes.push(b.gpu.buffers.usedBytes + b.gpu.buffers.freeBytes);
      }
      optimizer.dispose();
      model.dispose();
      return { losses, sizes };
    };
    const { losses, sizes } = await run(40);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.9);
    expect(new Set(sizes.slice(5)).size).toBe(1);
    expect(b.liveTensors).toBe(0);
    expect((await run(10)).losses).toEqual(losses.slice(0, 10));
  });
});
