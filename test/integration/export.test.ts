/** Exported files, as llama.cpp computes with them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportModelGguf, type AdapterLayer } from '../../src/weights/index.ts';
import { openGguf } from '../../src/gguf/index.ts';
import { llamaProbabilities, meanKl } from '../support/llama-oracle.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let dir: string;
let base: Float64Array[];
const at = (name: string) => join(dir, name);
const tokens = Int32Array.from({ length: 40 }, (_, i) => (i * i * 7 + i) % 250);
const alpha = 6;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-export-'));
  await writeTinyModel(at('base.gguf'), { seed: 1 });
  base = await llamaProbabilities(at('base.gguf'), tokens);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** W + (alpha / rank) B A of every adapted matrix. */
async function merged(layers: AdapterLayer[]): Promise<Map<string, Float32Array>> {
  const file = await openGguf(at('base.gguf'));
  const weights = new Map<string, Float32Array>();
  for (const { name, a, b, rank, in: width, out } of layers) {
    const w = await file.readF32(`${name}.weight`);
    for (let row = 0; row < out; row++)
      for (let column = 0; column < width; column++)
        for (let r = 0; r < rank; r++)
          w[row * width + column]! += (alpha / rank) * b[row * rank + r]! * a[r * width + column]!;
    weights.set(`${name}.weight`, w);
  }
  await file.close();
  return weights;
}

it('an adapter on its base computes the same as the merged model', async () => {
  const layers = await writeTinyAdapter(at('adapter.gguf'), at('base.gguf'), { rank: 3, alpha });
  await exportModelGguf(at('merged.gguf'), at('base.gguf'), await merged(layers), { type: 'F32' });
  const adapted = await llamaProbabilities(at('base.gguf'), tokens, at('adapter.gguf'));
  const whole = await llamaProbabilities(at('merged.gguf'), tokens);
  expect(meanKl(adapted, whole)).toBeLessThan(1e-6);
  expect(meanKl(base, adapted)).toBeGreaterThan(0.01);
});

it('an adapter of zeros changes nothing', async () => {
  await writeTinyAdapter(at('zero.gguf'), at('base.gguf'), { scale: 0 });
  expect(await llamaProbabilities(at('base.gguf'), tokens, at('zero.gguf'))).toEqual(base);
});

it.each([
  ['F32', 0],
  ['F16', 1e-5],
] as const)('a whole model in %s computes the same', async (type, limit) => {
  await writeTinyModel(at('trained.gguf'), { seed: 2 });
  const trained = await openGguf(at('trained.gguf'));
  const replaced = new Map<string, Float32Array>();
  for (const name of trained.tensors.keys()) replaced.set(name, await trained.readF32(name));
  await trained.close();
  await exportModelGguf(at('model.gguf'), at('base.gguf'), replaced, { type });
  const expected = await llamaProbabilities(at('trained.gguf'), tokens);
  expect(meanKl(expected, await llamaProbabilities(at('model.gguf'), tokens))).toBeLessThanOrEqual(limit);
  expect(meanKl(base, expected)).toBeGreaterThan(0.1);
});
