import { describe, expect, it } from 'vitest';
import { loadModel, readConfig, type ModelOptions } from '../../../src/model/index.ts';
import { startBackend } from '../../../src/tensor/index.ts';
import { tinyWeights } from '../../support/tiny-weights.ts';

const options: ModelOptions = {
  method: 'lora',
  rank: 4,
  alpha: 8,
  dropout: 0,
  targets: ['q', 'up'],
  seed: 1,
  precision: 'f32',
};

describe('readConfig', () => {
  it('reads the shape of a llama', () => {
    expect(readConfig(tinyWeights())).toMatchObject({
      layers: 2,
      width: 32,
      heads: 4,
      kvHeads: 2,
      headSize: 8,
      vocabularySize: 40,
      tiedHead: true,
      ropePairing: 'neighbours',
    });
    expect(readConfig(tinyWeights({ tiedHead: false })).tiedHead).toBe(false);
  });

  it('reads a value listed for each block, as in Granite 4, if all are equal', () => {
    const source = tinyWeights({ architecture: 'granite' });
    source.metadata['granite.attention.head_count_kv'] = [2, 2];
    expect(readConfig(source).kvHeads).toBe(2);
    source.metadata['granite.attention.head_count_kv'] = [2, 4];
    expect(() => readConfig(source)).toThrow(
      expect.objectContaining({ code: 'base-unsupported-architecture' }),
    );
  });

  it('reads a qwen2 with biases', () => {
    const source = tinyWeights({ architecture: 'qwen2', qkvBias: true });
    expect(readConfig(source)).toMatchObject({
      architecture: 'qwen2',
      ropePairing: 'halves',
      ropeFactor: 1,
      qkvBias: true,
      contextLength: 1024,
    });
    // llama.cpp scales only llama by a tensor.
    (source.tensors as Map<string, unknown>).set('rope_freqs.weight', { shape: [4] });
    expect(() => readConfig(source)).toThrow('rope_freqs.weight');
  });

  it.each([
    [{ 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 4 }, 4],
    [{ 'llama.rope.scaling.factor': 4 }, 4],
    [{ 'llama.rope.scale_linear': 2 }, 2],
    [{ 'llama.rope.scaling.type': 'none', 'llama.rope.scaling.factor': 4 }, 1],
    [{ 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 0 }, 1],
    [{ 'llama.rope.scaling.type': 'linear' }, 1],
  ])('reads the RoPE scale like llama.cpp: %j', (metadata, factor) => {
    const source = tinyWeights();
    Object.assign(source.metadata, metadata);
    expect(readConfig(source).ropeFactor).toBe(factor);
  });

  it('names an unknown architecture, and the supported ones', () => {
    const source = tinyWeights();
    source.metadata['general.architecture'] = 'mamba';
    expect(() => readConfig(source)).toThrow(
      expect.objectContaining({
        code: 'base-unsupported-architecture',
        message: expect.stringContaining('mamba') as string,
        next: expect.stringMatching(/llama \(.+\), qwen2 \(/) as string,
      }),
    );
  });

  it.each([
    [
      'RoPE scaled by yarn',
      (source: ReturnType<typeof tinyWeights>) => (source.metadata['llama.rope.scaling.type'] = 'yarn'),
    ],
    [
      'RoPE that scales attention',
      (source: ReturnType<typeof tinyWeights>) => (source.metadata['llama.rope.scaling.attn_factor'] = 1.2),
    ],
    [
      'values of another size',
      (source: ReturnType<typeof tinyWeights>) => (source.metadata['llama.attention.value_length'] = 4),
    ],
    [
      'norms of queries',
      (source: ReturnType<typeof tinyWeights>) =>
        (source.tensors as Map<string, unknown>).set('blk.0.attn_q_norm.weight', { shape: [8] }),
    ],
    [
      'partial RoPE',
      (source: ReturnType<typeof tinyWeights>) => (source.metadata['llama.rope.dimension_count'] = 2),
    ],
    [
      'a bias of the MLP',
      (source: ReturnType<typeof tinyWeights>) =>
        (source.tensors as Map<string, unknown>).set('blk.1.ffn_down.bias', { shape: [32] }),
    ],
    [
      'biases',
      (source: ReturnType<typeof tinyWeights>) =>
        (source.tensors as Map<string, unknown>).set('blk.0.attn_q.bias', { shape: [32] }),
    ],
    [
      'capped logits',
      (source: ReturnType<typeof tinyWeights>) => (source.metadata['llama.final_logit_softcapping'] = 30),
    ],
    [
      'windows by a list',
      (source: ReturnType<typeof tinyWeights>) =>
        (source.metadata['llama.attention.sliding_window_pattern'] = [true, false]),
    ],
    [
      'mixture',
      (source: ReturnType<typeof tinyWeights>) =>
        (source.tensors as Map<string, unknown>).set('blk.0.ffn_gate_inp.weight', { shape: [2, 32] }),
    ],
  ])('rejects what it would compute wrongly: %s', (_, change) => {
    const source = tinyWeights();
    change(source);
    expect(() => readConfig(source)).toThrow(
      expect.objectContaining({ code: 'base-unsupported-architecture' }),
    );
  });

  it.each([
    ['llama', {}, 'rrrrrrr'],
    ['smollm3', {}, 'rrr-rrr'],
    ['granite', { 'rope.scaling.finetuned': false }, '-------'],
    ['gemma3', {}, 'wwwwwrw'],
    ['gemma3', { 'attention.sliding_window_pattern': 2 }, 'wrwrwrw'],
    ['gemma3', { 'attention.sliding_window': 0 }, 'rrrrrrr'],
  ] as const)("reads each layer's position scheme: %s %j", (architecture, hyperparameters, expected) => {
    const source = tinyWeights({ architecture, layers: 7 });
    for (const [name, value] of Object.entries(hyperparameters))
      source.metadata[`${architecture}.${name}`] = value;
    const { positions } = readConfig(source);
    const letters = positions.map(({ ropeTheta, window }) => (!ropeTheta ? '-' : window ? 'w' : 'r'));
    expect(letters.join('')).toBe(expected);
    expect(new Set(positions).size).toBe(new Set(letters).size);
  });

  it('names a missing value', () => {
    const source = tinyWeights();
    delete source.metadata['llama.block_count'];
    expect(() => readConfig(source)).toThrow('llama.block_count');
  });
});

describe('loadModel', () => {
  it('names parameters like the adapter file, A random and B zero', async () => {
    const backend = await startBackend('wasm');
    const model = await loadModel(backend, tinyWeights(), options);
    expect(model.parameters.slice(0, 4)).toEqual([
      { name: 'blk.0.attn_q.lora_a', shape: [4, 32] },
      { name: 'blk.0.attn_q.lora_b', shape: [32, 4] },
      { name: 'blk.0.ffn_up.lora_a', shape: [4, 32] },
      { name: 'blk.0.ffn_up.lora_b', shape: [48, 4] },
    ]);
    expect(model.parameters).toHaveLength(8);
    expect(model.parameterCount).toBe(2 * (4 * 32 * 3 + 48 * 4));
    const a = await model.read('blk.0.attn_q.lora_a');
    const deviation = Math.sqrt(a.reduce((sum, value) => sum + value * value, 0) / a.length);
    expect(deviation).toBeGreaterThan(0.2);
    expect(deviation).toBeLessThan(0.3);
    expect(a).not.toEqual(await model.read('blk.1.attn_q.lora_a'));
    expect(await model.read('blk.1.ffn_up.lora_b')).toEqual(new Float32Array(48 * 4));
    const other = await loadModel(backend, tinyWeights(), { ...options, seed: 2 });
    expect(await other.read('blk.0.attn_q.lora_a')).not.toEqual(a);
    model.dispose();
    other.dispose();
  });

  it('names a tensor that is missing or has the wrong shape', async () => {
    const backend = await startBackend('wasm');
    const missing = tinyWeights();
    (missing.tensors as Map<string, unknown>).delete('blk.1.ffn_up.weight');
    await expect(loadModel(backend, missing, options)).rejects.toMatchObject({
      code: 'base-truncated',
      message: expect.stringContaining('blk.1.ffn_up.weight') as string,
    });
    const odd = tinyWeights();
    (odd.tensors as Map<string, unknown>).set('blk.1.ffn_up.weight', { shape: [47, 32] });
    await expect(loadModel(backend, odd, options)).rejects.toMatchObject({
      code: 'base-truncated',
      message: expect.stringContaining('47 x 32') as string,
    });
  });

  it('rejects bf16 on a backend without it', async () => {
    const backend = await startBackend('wasm');
    await expect(loadModel(backend, tinyWeights(), { ...options, precision: 'bf16' })).rejects.toMatchObject({
      code: 'bad-argument',
    });
  });

  it('rejects tokens outside the vocabulary instead of reading out of bounds', async () => {
    const model = await loadModel(await startBackend('wasm'), tinyWeights(), options);
    await expect(model.tokenLosses(Int32Array.of(1, 2, 40))).rejects.toThrow('Token 40');
    model.dispose();
  });
});
