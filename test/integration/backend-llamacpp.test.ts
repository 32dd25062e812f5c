/** Our forward pass against llama.cpp's on the same files. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Llama, Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedLlama } from '../../src/llama-cpp/llama.ts';
import { architectures, type ArchitectureName } from '../../src/base-models/architectures.ts';
import { readAdapterGguf } from '../../src/weights/index.ts';
import { klDivergence } from '../../src/statistics/statistics.ts';
import { readAdapterStrength, setAdapterStrength } from '../../src/weights/strength.ts';
import { openGguf, writeGguf, type TensorSource } from '../../src/gguf/index.ts';
import { loadModel, readConfig } from '../../src/model/index.ts';
import { hyperSchema, type RunSpec } from '../../src/protocol/run.ts';
import { startBackend } from '../../src/tensor/index.ts';
import { exportResult } from '../../src/training/export-result.ts';
import { openScorer, type Scorer } from '../../src/training/scorer.ts';
import { withTable, type GeluName } from '../support/ggml-gelu.ts';
import { Random } from '../support/random.ts';
import {
  writeTinyAdapter,
  writeTinyModel,
  type TinyAdapterOptions,
  type TinyModelOptions,
} from '../support/tiny-model.ts';

let llama: Llama;
let baseline: ReturnType<typeof theirs> | undefined;
let dir: string;
const at = (name: string) => join(dir, name);

/**
 * llama.cpp's distribution after each token, computed in F32: by default, keys, values and flash attention are in F16,
 * which changes the log-probabilities of this model by 0.012.
 */
async function theirs(
  model: string,
  adapter: string | undefined,
  tokens: Int32Array,
): Promise<Map<number, number>[]> {
  const loaded = await llama.loadModel({ modelPath: at(model) });
  const context = await loaded.createContext({
    contextSize: 512,
    // llama.cpp is very slow with more threads than free cores.
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

/** Largest difference between log-probabilities, which differ from logits by a constant for each row. */
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

const attention = { targets: ['attn_q', 'attn_k', 'attn_v'], scale: 0.3 };
/** Largest difference of log-probabilities. With GELU, llama.cpp's table decides: see ggml-gelu.ts. */
const toleranceOf = (architecture: ArchitectureName = 'llama') =>
  /gelu|geglu/.test(architectures[architecture].activation ?? '') ? 1e-2 : 1e-3;

const starcoder = { targets: ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_up', 'ffn_down'] };
const kinds: { kind: string; options: TinyModelOptions; adapter: TinyAdapterOptions }[] = [
  {
    kind: 'qwen2: biases, tied head, padded vocabulary',
    options: { architecture: 'qwen2', padding: 7, normEpsilon: 1e-6 },
    adapter: {},
  },
  {
    kind: 'qwen2: untied head, no grouped queries',
    options: { architecture: 'qwen2', tied: false, kvHeads: 4 },
    adapter: attention,
  },
  { kind: 'qwen2 without biases', options: { architecture: 'qwen2', qkvBias: false }, adapter: attention },
  { kind: 'llama with biases', options: { qkvBias: true }, adapter: attention },
  { kind: 'llama with linear RoPE scaling', options: { ropeFactor: 4 }, adapter: attention },
  {
    kind: 'llama with llama3 RoPE scaling',
    // Wavelengths of this head: 6 to 20,000 positions, so that all three cases of the rule occur.
    options: { llama3: { factor: 32, lowFactor: 1, highFactor: 4, originalContext: 128 } },
    adapter: attention,
  },
  {
    kind: 'llama with both RoPE scalings',
    options: { ropeFactor: 2, llama3: { factor: 8, lowFactor: 1, highFactor: 4, originalContext: 128 } },
    adapter: attention,
  },
  {
    kind: 'qwen3: heads of another size, padded vocabulary',
    options: { architecture: 'qwen3', headSize: 32, padding: 3 },
    adapter: {},
  },
  { kind: 'granite', options: { architecture: 'granite' }, adapter: {} },
  {
    kind: 'granite with biases and llama3 RoPE scaling',
    options: {
      architecture: 'granite',
      qkvBias: true,
      llama3: { factor: 8, lowFactor: 1, highFactor: 4, originalContext: 128 },
    },
    adapter: attention,
  },
  {
    kind: 'granite without RoPE, as its file may say',
    options: {
      architecture: 'granite',
      hyperparameters: { 'rope.scaling.finetuned': false, logit_scale: 4 },
      tied: false,
    },
    adapter: attention,
  },
  { kind: 'smollm3', options: { architecture: 'smollm3', layers: 5 }, adapter: {} },
  {
    kind: 'gemma3: windows, heads of another size',
    options: { architecture: 'gemma3', layers: 7, headSize: 32 },
    adapter: attention,
  },
  {
    kind: 'gemma3: RoPE scaled in the layers without a window',
    options: {
      architecture: 'gemma3',
      layers: 6,
      ropeFactor: 8,
      hyperparameters: { 'attention.sliding_window': 16, 'rope.freq_base': 1e6 },
    },
    adapter: {},
  },
  {
    kind: 'starcoder2: biases of all linears, LayerNorm',
    options: { architecture: 'starcoder2', normEpsilon: 1e-3 },
    adapter: starcoder,
  },
  {
    kind: 'starcoder2: untied head',
    options: { architecture: 'starcoder2', tied: false },
    adapter: attention,
  },
  { kind: 'qwen3: untied head', options: { architecture: 'qwen3', tied: false }, adapter: attention },
];

const made = new Map<string, ReturnType<typeof make>>();
async function make({ kind, options, adapter }: (typeof kinds)[number]) {
  const file = (part: string) => `${kind.replace(/\W/g, '-')}.${part}.gguf`;
  const files = { basePath: at(file('base')), adapterPath: at(file('adapter')) };
  await writeTinyModel(files.basePath, options);
  const layers = await writeTinyAdapter(files.adapterPath, files.basePath, adapter);
  expect(layers.length).toBe((options.layers ?? 2) * (adapter.targets?.length ?? 7));
  const tokens = Int32Array.from({ length: 100 }, (_, i) => (i * i * 7 + i) % 250);
  const base = await theirs(file('base'), undefined, tokens);
  return { files, tokens, base, result: await theirs(file('base'), file('adapter'), tokens) };
}

describe.each(['tensorflow', 'wasm'] as const)('other models on %s', (name) => {
  it.each(kinds)('$kind: base and adapter agree', async (one) => {
    // llama.cpp computes it once for both backends.
    if (!made.has(one.kind)) made.set(one.kind, make(one));
    const { files, tokens, base, result } = await made.get(one.kind)!;
    const backend = await startBackend(name);
    const scorer = await openScorer({ ...files, backend });
    const tolerance = toleranceOf(one.options.architecture as ArchitectureName);
    expect(largestDifference(await scorer.probabilities(tokens, 'base'), base)).toBeLessThan(tolerance);
    const tuned = await scorer.probabilities(tokens, 'result');
    expect(largestDifference(tuned, result)).toBeLessThan(tolerance);
    expect(largestDifference(tuned, base)).toBeGreaterThan(0.05);
    scorer.dispose();
  });
});

const tabled: {
  architecture: ArchitectureName;
  activation: GeluName;
  hyperparameters?: Record<string, number>;
}[] = [
  {
    architecture: 'gemma3',
    activation: 'geglu',
    hyperparameters: { 'attention.sliding_window': 24, 'attention.sliding_window_pattern': 2 },
  },
  { architecture: 'starcoder2', activation: 'gelu' },
];
it.each(tabled)(
  "$architecture agrees within 1e-3, with llama.cpp's own table of GELU",
  async ({ architecture, activation, hyperparameters }) => {
    const file = `${architecture}-table.gguf`;
    await writeTinyModel(at(file), { architecture, layers: 2, ...(hyperparameters && { hyperparameters }) });
    const backend = await startBackend('wasm');
    const tokens = Int32Array.from({ length: 100 }, (_, i) => (i * i * 7 + i) % 250);
    const ours = await withTable(activation, async () => {
      const scorer = await openScorer({ basePath: at(file), backend });
      const found = await scorer.probabilities(tokens, 'base');
      scorer.dispose();
      return found;
    });
    expect(largestDifference(ours, await theirs(file, undefined, tokens))).toBeLessThan(1e-3);
  },
);

it.each(Object.keys(architectures) as ArchitectureName[])(
  'a %s that lacks a hyperparameter is accepted only if llama.cpp accepts it',
  async (architecture) => {
    const [whole, part] = [at('whole.gguf'), at('part.gguf')];
    await writeTinyModel(whole, { architecture });
    const file = await openGguf(whole);
    const metadata = [...(await file.copyMetadata())];
    const tensors: TensorSource[] = [];
    for (const [name, { shape, type }] of file.tensors)
      tensors.push({ name, shape: [...shape], type, data: await file.readBytes(name) });
    await file.close();
    for (const [missing] of metadata.filter(([key]) => key.startsWith(`${architecture}.`))) {
      await writeGguf(part, { metadata: new Map(metadata.filter(([key]) => key !== missing)), tensors });
      const without = await openGguf(part);
      // If some hyperparameters are missing, llama.cpp aborts the process.
      const refused = isRefused(() => readConfig(without));
      await without.close();
      if (refused) continue;
      const loaded = await llama.loadModel({ modelPath: part });
      await loaded.dispose();
    }
  },
);

function isRefused(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'base-truncated' });
    return true;
  }
}

describe.each(Object.keys(architectures) as ArchitectureName[])('an exported %s', (architecture) => {
  const hyper = hyperSchema.parse({ learningRate: 1, steps: 1, rank: 4, alpha: 8, dropout: 0 });
  it.each([
    { result: 'a rank-stabilised adapter of named linears', method: 'lora' as const },
    { result: 'a whole model', method: 'full' as const },
  ])('is the same in llama.cpp: $result', async ({ method }) => {
    const base = { id: architecture, path: at(`${architecture}.gguf`), sha256: '' };
    await writeTinyModel(base.path, { architecture, layers: 4 });
    const gguf = await openGguf(base.path);
    const model = await loadModel(await startBackend('tensorflow'), gguf, {
      ...hyper,
      method,
      targets: ['blk.0.attn_q', 'blk.*.ffn_*', 'v_proj'],
      scaling: 'rank-stabilised',
    });
    await gguf.close();
    const random = new Random(3);
    for (const { name, shape } of model.parameters) {
      const changed = await model.read(name);
      const deviation = shape.length === 1 || name.endsWith('.lora_b') ? 0.3 : 0.01;
      random.normals(changed.length, deviation).forEach((value, i) => (changed[i]! += value));
      model.write(name, changed);
    }
    const spec = { hyper: { ...hyper, method, scaling: 'rank-stabilised' }, base } as RunSpec;
    const file = await exportResult(dir, spec, model);
    const tokens = Int32Array.from({ length: 60 }, (_, i) => (i * i * 7 + i) % 250);
    const [whole, adapter] = method === 'full' ? [file, undefined] : [`${architecture}.gguf`, file];
    const tuned = await model.probabilities(tokens);
    // A whole model is stored in F16, of 11 bits.
    expect(largestDifference(tuned, await theirs(whole, adapter, tokens))).toBeLessThan(
      method === 'full' ? 2e-2 : toleranceOf(architecture),
    );
    expect(largestDifference(tuned, await theirs(`${architecture}.gguf`, undefined, tokens))).toBeGreaterThan(
      0.2,
    );
    model.dispose();
  });
});

it('has half the change at half the strength, in the scorer and in llama.cpp', async () => {
  await writeTinyModel(at('whole.gguf'), { architecture: 'qwen2' });
  await writeTinyAdapter(at('adapter.gguf'), at('whole.gguf'), attention);
  const { alpha, layers } = await readAdapterGguf(at('adapter.gguf'));
  const hyper = { method: 'lora' as const, alpha, rank: layers[0]!.rank, scaling: 'standard' as const };
  const tokens = Int32Array.from({ length: 60 }, (_, i) => (i * i * 7 + i) % 250);
  const scorer = await openScorer({
    basePath: at('whole.gguf'),
    adapterPath: at('adapter.gguf'),
    backend: 'tensorflow',
  });
  const whole = await scorer.probabilities(tokens, 'result');
  scorer.setStrength(0.5);
  const half = await scorer.probabilities(tokens, 'result');
  scorer.setStrength(1);
  expect(await scorer.probabilities(tokens, 'result')).toEqual(whole);
  scorer.dispose();

  const before = await readFile(at('adapter.gguf'));
  await setAdapterStrength(dir, { id: 'run', hyper }, 0.5);
  const halved = await theirs('whole.gguf', 'adapter.gguf', tokens);
  expect(largestDifference(half, halved)).toBeLessThan(1e-3);
  expect(largestDifference(whole, halved)).toBeGreaterThan(0.02);
  await setAdapterStrength(dir, { id: 'run', hyper }, 1);
  expect(largestDifference(whole, await theirs('whole.gguf', 'adapter.gguf', tokens))).toBeLessThan(1e-3);
  // Our own keys are written again each time, in the same order.
  expect(await readFile(at('adapter.gguf'))).toEqual(before);
});

it('is halfway from a reference adapter at half the strength, in the scorer and in llama.cpp', async () => {
  await writeTinyModel(at('whole.gguf'), { architecture: 'qwen2' });
  await writeTinyAdapter(at('adapter.gguf'), at('whole.gguf'), { ...attention, seed: 2 });
  await writeTinyAdapter(at('earlier.gguf'), at('whole.gguf'), { ...attention, seed: 3, alpha: 4 });
  const { alpha, layers } = await readAdapterGguf(at('adapter.gguf'));
  const hyper = { method: 'lora' as const, alpha, rank: layers[0]!.rank, scaling: 'standard' as const };
  const run = { id: 'run', hyper, reference: { sha256: '' } };
  const tokens = Int32Array.from({ length: 60 }, (_, i) => (i * i * 7 + i) % 250);
  const scorer = await openScorer({
    basePath: at('whole.gguf'),
    adapterPath: at('adapter.gguf'),
    earlierPath: at('earlier.gguf'),
    backend: 'tensorflow',
  });
  scorer.setStrength(0.5);
  const half = await scorer.probabilities(tokens, 'result');
  scorer.setStrength(0);
  const none = await scorer.probabilities(tokens, 'result');
  const kl = await scorer.tokenKl(tokens, 'earlier');
  const base = await scorer.probabilities(tokens, 'base');
  scorer.dispose();
  const start = await theirs('whole.gguf', 'earlier.gguf', tokens);
  expect(largestDifference(none, start)).toBeLessThan(1e-3);
  const expectedKl = base.map((row, at) => klDivergence(row, none[at]!));
  expect(Math.max(...expectedKl)).toBeGreaterThan(0.01);
  for (const [at, value] of expectedKl.entries()) expect(kl[at]).toBeCloseTo(value, 4);
  for (const other of [start, await theirs('whole.gguf', 'adapter.gguf', tokens)])
    expect(largestDifference(half, other)).toBeGreaterThan(0.02);

  const before = await readFile(at('adapter.gguf'));
  expect(await readAdapterStrength(dir, run)).toBe(1);
  await setAdapterStrength(dir, run, 0.5);
  expect(await readAdapterStrength(dir, run)).toBe(0.5);
  expect(largestDifference(half, await theirs('whole.gguf', 'adapter.gguf', tokens))).toBeLessThan(1e-3);
  await setAdapterStrength(dir, run, 0.25);
  await setAdapterStrength(dir, run, 0.5);
  expect(largestDifference(half, await theirs('whole.gguf', 'adapter.gguf', tokens))).toBeLessThan(1e-3);
  await setAdapterStrength(dir, run, 1);
  expect(await readFile(at('adapter.gguf'))).toEqual(before);
  // A resumed run has rewritten its adapter.
  await writeTinyAdapter(at('adapter.gguf'), at('whole.gguf'), { ...attention, seed: 5 });
  const resumed = await theirs('whole.gguf', 'adapter.gguf', tokens);
  await setAdapterStrength(dir, run, 0.5);
  await setAdapterStrength(dir, run, 1);
  expect(await theirs('whole.gguf', 'adapter.gguf', tokens)).toEqual(resumed);
});

describe.each(['tensorflow', 'wasm'] as const)('a small F32 model on %s', (backend) => {
  it.each([
    { result: 'an adapter', model: 'base.gguf', adapter: 'all.gguf' },
    { result: 'an adapter of some linears', model: 'base.gguf', adapter: 'some.gguf' },
    { result: 'a whole model', model: 'whole.gguf', adapter: undefined },
  ])('agrees with llama.cpp within 1e-3: base and $result', async ({ model, adapter }) => {
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
    // Base and result differ, so the check could fail.
    expect(largestDifference(tuned, base)).toBeGreaterThan(0.05);
    scorer.dispose();
  });
});
