import { readValues } from '../../../src/weights/values.ts';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { gaussian } from '../../../src/statistics/random.ts';
import { loadModel, type Llama } from '../../../src/model/index.ts';
import { startBackend, type Backend } from '../../../src/tensor/index.ts';
import { Optimizer } from '../../../src/training/optimizers.ts';
import { tinyTokens, tinyWeights } from '../../support/tiny-weights.ts';

let backend: Backend;
beforeAll(async () => {
  backend = await startBackend('wasm');
});

const load = (method: 'lora' | 'full', dropout = 0): Promise<Llama> =>
  loadModel(backend, tinyWeights(), {
    method,
    rank: 4,
    alpha: 8,
    dropout,
    targets: ['q', 'v', 'gate', 'down'],
    seed: 3,
    precision: 'f32',
  });

/** Made-up gradients for the slot `name`; all others get none. */
function setGradient(model: Llama, name: string, step: number): Float32Array {
  const slot = model.slots.find((candidate) => candidate.name === name)!;
  const values = gaussian(
    slot.value.shape.reduce((a, b) => a * b, 1),
    0.5,
    step + 1,
  );
  model.zeroGradients();
  slot.gradient = backend.tensor(values.slice(), slot.value.shape);
  return values;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

describe('AdamW', () => {
  it("without decay makes the same steps as TF.js's Adam", async () => {
    const model = await load('full');
    const name = 'token_embd.weight';
    const before = await model.read(name);
    const optimizer = new Optimizer(model, { optimizer: 'adamw', weightDecay: 0, learningRate: 0.01 });
    const reference = tf.train.adam(0.01, 0.9, 0.999, 1e-8);
    const variable = tf.variable(tf.tensor(before.slice(), [40, 32]), true, 'adam reference');
    for (let step = 0; step < 5; step += 1) {
      const gradient = setGradient(model, name, step);
      optimizer.step({ learningRate: 0.01, gradientScale: 0.5 });
      const halved = gradient.map((value) => value / 2);
      reference.applyGradients([{ name: variable.name, tensor: tf.tensor(halved, [40, 32]) }]);
    }
    const after = await model.read(name);
    expect(largestDifference(after, before)).toBeGreaterThan(0.02);
    expect(largestDifference(after, await variable.data())).toBeLessThan(1e-5);
    variable.dispose();
    optimizer.dispose();
    model.dispose();
  });
});

describe('LionW', () => {
  it('moves by the sign of the blended gradient, with decoupled decay', async () => {
    const model = await load('full');
    const name = 'blk.1.ffn_down.weight';
    const expected = Float64Array.from(await model.read(name));
    const momentum = new Float64Array(expected.length);
    const optimizer = new Optimizer(model, { optimizer: 'lionw', weightDecay: 0.1, learningRate: 0.01 });
    for (let step = 0; step < 4; step += 1) {
      const gradient = setGradient(model, name, step);
      // Half the peak rate, half the decay.
      optimizer.step({ learningRate: 0.005, gradientScale: 1 });
      gradient.forEach((g, i) => {
        expected[i] = expected[i]! * (1 - 0.5 * 0.1) - 0.005 * Math.sign(0.9 * momentum[i]! + 0.1 * g);
        momentum[i] = 0.95 * momentum[i]! + 0.05 * g;
      });
    }
    expect(largestDifference(await model.read(name), expected)).toBeLessThan(1e-6);
    optimizer.dispose();
    model.dispose();
  });
});

describe.each(['adamw', 'lionw'] as const)('a run of %s', (rule) => {
  const options = { optimizer: rule, weightDecay: 0.01, learningRate: 0.01 };
  const train = async (model: Llama, optimizer: Optimizer, from: number, to: number) => {
    for (let step = from; step < to; step += 1) {
      const tokens = tinyTokens(17, 40, step + 1);
      await model.accumulate({ tokens, rows: 1, length: 16 }, { seed: [3, step], lossWeight: 1 / 16 });
      optimizer.step({ learningRate: 0.01, gradientScale: 1 });
      model.zeroGradients();
    }
  };
  const contents = async (model: Llama) => {
    const all: number[] = [];
    for (const { name } of model.parameters) all.push(...(await model.read(name)));
    return all;
  };

  it.each(['lora', 'full'] as const)('resumes from a checkpoint bit for bit (%s)', async (method) => {
    const whole = await load(method, 0.1);
    const wholeOptimizer = new Optimizer(whole, options);
    await train(whole, wholeOptimizer, 0, 6);

    const first = await load(method, 0.1);
    const firstOptimizer = new Optimizer(first, options);
    await train(first, firstOptimizer, 0, 3);
    const state = new Map<string, Float32Array>();
    for (const [name, values] of firstOptimizer.state()) state.set(name, await readValues(values));
    const second = await load(method, 0.1);
    for (const { name } of first.parameters) second.write(name, await first.read(name));
    const secondOptimizer = new Optimizer(second, options);
    await secondOptimizer.load(state);
    await train(second, secondOptimizer, 3, 6);

    expect(await contents(second)).toEqual(await contents(whole));
    expect(await contents(first)).not.toEqual(await contents(whole));
    for (const disposable of [wholeOptimizer, firstOptimizer, secondOptimizer, whole, first, second])
      disposable.dispose();
  });

  it('learns: the loss on its training text falls', async () => {
    const model = await load('lora');
    const optimizer = new Optimizer(model, options);
    const tokens = tinyTokens(17, 40, 9);
    const mean = async () => (await model.tokenLosses(tokens)).reduce((a, b) => a + b, 0) / 16;
    const before = await mean();
    for (let step = 0; step < 30; step += 1) {
      await model.accumulate({ tokens, rows: 1, length: 16 }, { seed: [1, step], lossWeight: 1 / 16 });
      optimizer.step({ learningRate: 0.02, gradientScale: 1 });
      model.zeroGradients();
    }
    expect(await mean()).toBeLessThan(before / 2);
    optimizer.dispose();
    model.dispose();
  });
});
