/** A model whose training loss is among some tokens (src/model/loss-head.ts). */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadModel, type ModelOptions } from '../../../src/model/index.ts';
import { moduleNames } from '../../../src/protocol/run.ts';
import { gaussian, mixText } from '../../../src/statistics/random.ts';
import { startBackend, type Backend } from '../../../src/tensor/index.ts';
import { tinyTokens, tinyWeights } from '../../support/tiny-weights.ts';

let backend: Backend;
let before: number;
beforeAll(async () => {
  backend = await startBackend('wasm');
  before = backend.liveTensors;
});
afterAll(() => expect(backend.liveTensors).toBe(before));

const lora: ModelOptions = {
  method: 'lora',
  rank: 2,
  alpha: 4,
  dropout: 0,
  targets: moduleNames,
  seed: 3,
  precision: 'f32',
};
const some = { ...lora, lossTokens: Int32Array.from({ length: 8 }, (_, token) => token) };
const vocabularySize = 40;
const [rows, length] = [2, 12];
const tokens = tinyTokens(rows * (length + 1), vocabularySize);

async function gradients(options: ModelOptions, seed: number) {
  const model = await loadModel(backend, tinyWeights(), options);
  for (const { name, shape } of model.parameters)
    if (name.endsWith('.lora_b')) model.write(name, gaussian(shape[0]! * shape[1]!, 0.1, mixText(name)));
  const lossWeight = 1 / (rows * length);
  await model.accumulate({ tokens, rows, length }, { seed: [seed, 7], lossWeight });
  const values = await Promise.all(model.slots.map(({ gradient }) => backend.read(gradient!)));
  model.dispose();
  return values.flatMap((all) => [...all]);
}

it('learns the same from the same seed, so that a resumed run is the same', async () => {
  const first = await gradients(some, 1);
  expect(await gradients(some, 1)).toEqual(first);
  expect(await gradients(some, 2)).not.toEqual(first);
  // Without a sample, the seed decides nothing.
  expect(await gradients(lora, 1)).toEqual(await gradients(lora, 2));
});

it('is measured among all tokens', async () => {
  const measured = async (options: ModelOptions) => {
    const model = await loadModel(backend, tinyWeights(), options);
    const losses = await model.tokenLosses(tokens);
    model.dispose();
    return losses;
  };
  expect(await measured(some)).toEqual(await measured(lora));
});
