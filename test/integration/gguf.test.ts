/** Files that we write, read by llama.cpp; values that we read, compared with llama.cpp on the same bytes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readGgufFileInfo } from 'node-llama-cpp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportModelGguf } from '../../src/weights/index.ts';
import { openGguf } from '../../src/gguf/index.ts';
import { startBackend } from '../../src/tensor/index.ts';
import { openScorer } from '../../src/training/scorer.ts';
import { llamaProbabilities, meanKl } from '../support/llama-oracle.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let dir: string;
const at = (name: string) => join(dir, name);
const tokens = Int32Array.from({ length: 40 }, (_, i) => (i * i * 7 + i) % 250);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-gguf-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

it.each([
  ['F16', 1e-6],
  ['BF16', 1e-4],
  // For these types, llama.cpp rounds activations to 8 bits, for BF16 to its 8.
  ['Q8_0', 1e-3],
  ['Q4_0', 1e-3],
  ['Q4_1', 1e-3],
  ['Q5_0', 1e-3],
  ['Q5_1', 1e-3],
  ['Q4_K', 1e-3],
  ['Q5_K', 1e-3],
  ['Q6_K', 1e-3],
] as const)('values of %s are those that llama.cpp computes with', async (type, limit) => {
  // Rows of whole blocks.
  const shape = type.endsWith('_K') ? { embedding: 256, ffn: 512 } : {};
  await writeTinyModel(at('stored.gguf'), { ...shape, seed: 1, type });
  await exportModelGguf(at('plain.gguf'), at('stored.gguf'), new Map(), { type: 'F32' });
  const stored = await llamaProbabilities(at('stored.gguf'), tokens);
  const plain = await llamaProbabilities(at('plain.gguf'), tokens);
  const kl = meanKl(stored, plain);
  expect(kl).toBeLessThan(limit);
  // Another model is far off, so the limit is strict.
  await writeTinyModel(at('other.gguf'), { ...shape, seed: 2, type });
  expect(meanKl(await llamaProbabilities(at('other.gguf'), tokens), plain)).toBeGreaterThan(0.1);
});

it.each(['Q5_0', 'Q4_K', 'Q6_K'] as const)('the forward pass on %s agrees with llama.cpp', async (type) => {
  await writeTinyModel(at('stored.gguf'), { embedding: 256, ffn: 512, seed: 3, type });
  await writeTinyAdapter(at('adapter.gguf'), at('stored.gguf'));
  const scorer = await openScorer({
    basePath: at('stored.gguf'),
    adapterPath: at('adapter.gguf'),
    backend: await startBackend('wasm'),
  });
  const ours = async (which: 'base' | 'result') =>
    (await scorer.probabilities(tokens, which)).map((row) => Float64Array.from(row));
  const stored = await llamaProbabilities(at('stored.gguf'), tokens);
  const adapted = await llamaProbabilities(at('stored.gguf'), tokens, at('adapter.gguf'));
  expect(meanKl(stored, await ours('base'))).toBeLessThan(1e-3);
  expect(meanKl(adapted, await ours('result'))).toBeLessThan(1e-3);
  expect(meanKl(adapted, stored)).toBeGreaterThan(0.01);
  scorer.dispose();
});

it("node-llama-cpp's parser reads the same header", async () => {
  await writeTinyModel(at('m.gguf'), { layers: 3, type: 'Q4_0', tied: false });
  const ours = await openGguf(at('m.gguf'));
  await ours.close();
  const theirs = await readGgufFileInfo(at('m.gguf'));
  expect(theirs.version).toBe(3);
  expect(theirs.metadata).toMatchObject({
    general: { architecture: 'llama', file_type: 2 },
    llama: { block_count: 3, attention: { head_count: 4, head_count_kv: 2 }, rope: { freq_base: 10_000 } },
    tokenizer: {
      ggml: {
        tokens: ours.metadata['tokenizer.ggml.tokens'],
        merges: ours.metadata['tokenizer.ggml.merges'],
      },
    },
  });
  const listed = theirs.fullTensorInfo!.map(({ name, dimensions, filePart, fileOffset }) => {
    expect(filePart).toBe(1);
    return [name, dimensions.map(Number).reverse(), Number(fileOffset)];
  });
  expect(listed).toEqual([...ours.tensors].map(([name, { shape, offset }]) => [name, shape, offset]));
});
