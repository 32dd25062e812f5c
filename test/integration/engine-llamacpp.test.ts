/** Our forward pass against llama.cpp's, an implementation that we did not write, on the same files. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Llama, Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedLlama } from '../../src/base-models/llama.ts';
import { startBackend } from '../../src/tensor/index.ts';
import { openScorer, type Scorer } from '../../src/training/scorer.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let llama: Llama;
let baseline: ReturnType<typeof theirs> | undefined;
let dir: string;
const at = (name: string) => join(dir, name);

/**
 * llama.cpp's distribution after each token. Told to compute in F32: by default it keeps keys and values in F16 and
 * uses flash attention in F16, which moves the log-probabilities of this model by 0.012.
 */
async function theirs(
  model: string,
  adapter: string | undefined,
  tokens: Int32Array,
): Promise<Map<number, number>[]> {
  const loaded = await llama.loadModel({ modelPath: at(model) });
  const context = await loaded.createContext({
    contextSize: 512,
    // More threads than free cores make llama.cpp crawl.
    threads: 1,
    flashAttention: false,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
    ...(adapter && { lora: { adapters: [{ filePath: at(adapter), scale: 1 }] } }),
  });
  try {
    const inputs = Array.from(tokens, (token): [Token, { generateNext: { probabilities: true } }] => [
      token as Token,
      { generateNext: { probabilities: true } },
    ]);
    const outputs = await context.getSequence().controlledEvaluate(inputs);
    return outputs.map((output) => output!.next.probabilities! as Map<number, number>);
  } finally {
    await context.dispose();
    await loaded.dispose();
  }
}

/** Largest difference between log-probabilities, which differ from logits by a constant of the row. */
function largestDifference(ours: Float32Array[], other: Map<number, number>[]): number {
  expect(ours.length).toBe(other.length);
  let most = 0;
  other.forEach((row, t) => {
    expect(row.size).toBe(ours[t]!.length);
    for (const [token, p] of row) most = Math.max(most, Math.abs(Math.log(p) - Math.log(ours[t]![token]!)));
  });
  return most;
}

beforeAll(async () => {
  llama = await sharedLlama();
  dir = await mkdtemp(join(tmpdir(), 'fmn-parity-'));
  await writeTinyModel(at('base.gguf'), { layers: 3 });
  await writeTinyModel(at('whole.gguf'), { layers: 3, seed: 5, tied: false });
  await writeTinyAdapter(at('all.gguf'), at('base.gguf'));
  await writeTinyAdapter(at('some.gguf'), at('base.gguf'), {
    targets: ['attn_v', 'ffn_down'],
    rank: 2,
    alpha: 8,
  });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe.each(['tensorflow', 'wasm'] as const)('a small F32 model on %s', (backend) => {
  it.each([
    { result: 'an adapter', model: 'base.gguf', adapter: 'all.gguf' },
    { result: 'an adapter of some linears', model: 'base.gguf', adapter: 'some.gguf' },
    { result: 'a whole model', model: 'whole.gguf', adapter: undefined },
  ])('agrees within 1e-3 with llama.cpp, base and $result', async ({ model, adapter }) => {
    const scorer: Scorer = await openScorer({
      basePath: at('base.gguf'),
      ...(adapter ? { adapterPath: at(adapter) } : { modelPath: at(model) }),
      backend: await startBackend(backend),
    });
    const tokens = Int32Array.from({ length: 140 }, (_, i) => (i * i * 7 + i) % 250);
    const base = await (baseline ??= theirs('base.gguf', undefined, tokens));
    const result = await theirs(model, adapter, tokens);
    expect(largestDifference(await scorer.probabilities(tokens, 'base'), base)).toBeLessThan(1e-3);
    const tuned = await scorer.probabilities(tokens, 'result');
    expect(largestDifference(tuned, result)).toBeLessThan(1e-3);
    // The check can fail: base and result are not the same model.
    expect(largestDifference(tuned, base)).toBeGreaterThan(0.05);
    scorer.dispose();
  });
});
