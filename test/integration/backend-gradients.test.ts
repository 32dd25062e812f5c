import { beforeAll, describe, expect, it } from 'vitest';
import { architectures, type ArchitectureName } from '../../src/base-models/architectures.ts';
import { loadModel, type Llama, type ModelOptions } from '../../src/model/index.ts';
import { gaussian, mixText } from '../../src/statistics/random.ts';
import { moduleNames } from '../../src/protocol/run.ts';
import { startBackend, type Backend } from '../../src/tensor/index.ts';
import { Optimizer } from '../../src/training/optimizers.ts';
import { gradientSuite } from '../support/gradient-suite.ts';
import { tinyTokens, tinyWeights, type TinyShape } from '../support/tiny-weights.ts';

gradientSuite('tensorflow', 1e-4);

const shape = { width: 128, hiddenWidth: 256, heads: 8, kvHeads: 2, vocabularySize: 512 };
const options: ModelOptions = {
  method: 'lora',
  rank: 8,
  alpha: 16,
  dropout: 0.05,
  targets: moduleNames,
  seed: 3,
  precision: 'f32',
};
const length = 300;
const batch = tinyTokens(length + 1, shape.vocabularySize);
const seed: [number, number] = [2, 5];

let backend: Backend;
beforeAll(async () => {
  backend = await startBackend('tensorflow');
});

async function load(changes: Partial<ModelOptions>, kind: Partial<TinyShape> = {}): Promise<Llama> {
  const model = await loadModel(backend, tinyWeights({ ...shape, ...kind }), { ...options, ...changes });
  for (const { name, shape } of model.parameters)
    if (name.endsWith('.lora_b')) model.write(name, gaussian(shape[0]! * shape[1]!, 0.05, mixText(name)));
  return model;
}

async function gradientsOf(model: Llama): Promise<Map<string, Float32Array>> {
  await model.accumulate({ tokens: batch, rows: 1, length }, { seed, lossWeight: 1 / length });
  const gradients = new Map<string, Float32Array>();
  for (const slot of model.slots) gradients.set(slot.name, await backend.read(slot.gradient!));
  return gradients;
}

describe.each(['lora', 'full'] as const)('bf16 (%s)', (method) => {
  const kinds = (Object.keys(architectures) as ArchitectureName[]).map((architecture) => {
    return { architecture, qkvBias: architecture === 'qwen2' };
  });
  it.each(kinds)('has the gradients of f32, within 8 bits: $architecture', async (kind) => {
    const exact = await load({ method }, kind);
    const half = await load({ method, precision: 'bf16' }, kind);
    const expected = await gradientsOf(exact);
    for (const [name, gradient] of await gradientsOf(half)) {
      const wanted = expected.get(name)!;
      let [dot, a, b] = [0, 0, 0];
      gradient.forEach((value, i) => {
        dot += value * wanted[i]!;
        a += value * value;
        b += wanted[i]! * wanted[i]!;
      });
      expect(dot / Math.sqrt(a * b), name).toBeGreaterThan(0.995);
      expect(Math.abs(Math.sqrt(a / b) - 1), name).toBeLessThan(0.05);
    }
    exact.dispose();
    half.dispose();
  });
});

describe.each(['f32', 'bf16'] as const)('%s', (precision) => {
  it.each(['lora', 'full'] as const)('is bit-for-bit reproducible (%s)', async (method) => {
    const run = async () => {
      const model = await load({ method, precision });
      const optimizer = new Optimizer(model, { optimizer: 'lionw', weightDecay: 1e-5, learningRate: 1e-3 });
      for (let step = 0; step < 3; step += 1) {
        await model.accumulate(
          { tokens: batch, rows: 1, length },
          { seed: [2, step], lossWeight: 1 / length },
        );
        optimizer.step({ learningRate: 1e-3, gradientScale: 1 / (await model.gradientNorm()) });
        model.zeroGradients();
      }
      const contents: Float32Array[] = [];
      for (const { name } of model.parameters) contents.push(await model.read(name));
      optimizer.dispose();
      model.dispose();
      return contents;
    };
    const [first, second] = [await run(), await run()];
    expect(first.length).toBeGreaterThan(10);
    first.forEach((values, i) => expect(Buffer.compare(bytes(values), bytes(second[i]!))).toBe(0));
  });
});

const bytes = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
