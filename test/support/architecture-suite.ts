/** What must hold for a model of every architecture in the table, on any backend. */
import { beforeAll, describe, expect, it } from 'vitest';
import { architectures, type ArchitectureName } from '../../src/base-models/architectures.ts';
import { loadModel, type Batch, type Llama, type ModelOptions } from '../../src/model/index.ts';
import { hyperSchema, moduleNames, type BackendName } from '../../src/protocol/run.ts';
import { gaussian, mixText } from '../../src/statistics/random.ts';
import type { Backend } from '../../src/tensor/index.ts';
import { countParameters } from '../../src/training/memory/plan.ts';
import { sharedBackend } from './shared-backend.ts';
import { tinyTokens, tinyWeights } from './tiny-weights.ts';

const options: ModelOptions = {
  ...{ method: 'lora', rank: 3, alpha: 6, dropout: 0, seed: 3, precision: 'f32' },
  targets: moduleNames,
};
const pass = { seed: [1, 2] as [number, number], lossWeight: 0.01 };

async function gradientsOf(model: Llama, batches: Batch[]): Promise<Map<string, Float32Array>> {
  for (const batch of batches) await model.accumulate(batch, pass);
  const gradients = new Map<string, Float32Array>();
  for (const { name, gradient } of model.slots) gradients.set(name, await model.backend.read(gradient!));
  model.zeroGradients();
  return gradients;
}

/** The largest difference of any gradient, relative to its largest value. */
function largestDifference(actual: Map<string, Float32Array>, expected: Map<string, Float32Array>): number {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  let most = 0;
  for (const [name, values] of expected) {
    const scale = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-6);
    values.forEach((value, i) => (most = Math.max(most, Math.abs(value - actual.get(name)![i]!) / scale)));
  }
  return most;
}

export function architectureSuite(backendName: BackendName, tolerance: number): void {
  describe.each(Object.keys(architectures) as ArchitectureName[])(`%s on ${backendName}`, (architecture) => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await sharedBackend(backendName);
    });
    const load = async (changes: Partial<ModelOptions>) => {
      const model = await loadModel(backend, tinyWeights({ architecture, layers: 6 }), {
        ...options,
        ...changes,
      });
      for (const { name, shape } of model.parameters)
        if (name.endsWith('.lora_b')) model.write(name, gaussian(shape[0]! * shape[1]!, 0.1, mixText(name)));
      return model;
    };

    it.each(['lora', 'full'] as const)('has the planned parameters, and leaks none (%s)', async (method) => {
      const before = backend.liveTensors;
      const model = await load({ method });
      const hyper = hyperSchema.parse({ ...options, learningRate: 1, steps: 1, method });
      expect(countParameters(model.config, hyper)).toBe(model.parameterCount);
      await gradientsOf(model, [{ tokens: tinyTokens(13, 40), rows: 1, length: 12 }]);
      model.dispose();
      expect(backend.liveTensors).toBe(before);
    });

    it('learns the same when activations are recomputed', async () => {
      const batches = [{ tokens: tinyTokens(2 * 21, 40), rows: 2, length: 20 }];
      const kept = await load({});
      const again = await load({ recompute: true });
      expect(await gradientsOf(again, batches)).toEqual(await gradientsOf(kept, batches));
      kept.dispose();
      again.dispose();
    });

    it('learns packed documents as if each were alone, across several chunks of attention', async () => {
      const model = await load({});
      const documents = [tinyTokens(161, 40, 1), tinyTokens(31, 40, 2), tinyTokens(70, 40, 3)];
      const alone = documents.map((tokens) => ({ tokens, rows: 1, length: tokens.length - 1 }));
      const tokens = Int32Array.from(documents.flatMap((document) => [...document]));
      let begin = 0;
      const starts = documents.flatMap((document) => {
        const own = Array.from(document, () => begin);
        begin += document.length;
        return own;
      });
      const learned = documents.flatMap((document) =>
        Array.from(document, (_, i) => Number(i < document.length - 1)),
      );
      const packed = {
        tokens,
        rows: 1,
        length: tokens.length - 1,
        learned: Uint8Array.from(learned.slice(0, -1)),
        starts: Int32Array.from(starts.slice(0, -1)),
      };
      const wanted = await gradientsOf(model, alone);
      // Positions continue in a packed row: RoPE only depends on distances, so that makes no difference.
      expect(largestDifference(await gradientsOf(model, [packed]), wanted)).toBeLessThan(tolerance);
      model.dispose();
    });
  });
}
