/**
 * Bases whose linear layers have other names in transformers than usual for their architecture:
 * test/reference/peft_names.py.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf, type GgufFile } from '../../../src/gguf/index.ts';
import { readConfig } from '../../../src/model/index.ts';
import type { Adapter, AdapterLayer } from '../../../src/weights/adapter.ts';
import { readAdapterGguf } from '../../../src/weights/index.ts';
import { PEFT_PREFIX, PEFT_WEIGHTS, writePeft } from '../../../src/weights/peft.ts';
import { readPeft } from '../../../src/weights/read-peft.ts';
import { readSafetensors, writeSafetensors } from '../../../src/weights/safetensors.ts';
import { namingNote, transformersName, applyNaming } from '../../../src/weights/transformers.ts';
import { tinyHyperparameters } from '../../support/tiny-hyperparameters.ts';
import { writeTinyAdapter, writeTinyModel } from '../../support/tiny-model.ts';
import { english } from '../../../src/text/message.ts';

const models = {
  gemma3: { layers: 34 },
  granite: { hyperparameters: { ...tinyHyperparameters.granite, expert_shared_feed_forward_length: 128 } },
} as const;
type Name = keyof typeof models;
const names = Object.keys(models) as Name[];
const reference = JSON.parse(readFileSync('test/reference/peft-names.json', 'utf8')) as Record<
  Name,
  Record<string, [out: number, width: number]>
>;

let dir: string;
const bases = new Map<Name, GgufFile>();
const adapters = new Map<Name, Adapter>();
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-peft-names-'));
  for (const architecture of names) {
    const [path, adapter] = [join(dir, `${architecture}.gguf`), join(dir, `${architecture}-adapter.gguf`)];
    await writeTinyModel(path, { architecture, ...models[architecture] });
    await writeTinyAdapter(adapter, path, { rank: 2, alpha: 4 });
    bases.set(architecture, await openGguf(path));
    adapters.set(architecture, await readAdapterGguf(adapter));
  }
});
afterAll(async () => {
  for (const base of bases.values()) await base.close();
  await rm(dir, { recursive: true, force: true });
});

type Written = Pick<Adapter, 'alpha' | 'layers'>;
async function written(name: Name, adapter: Written = adapters.get(name)!, scaling = 'standard' as const) {
  const folder = await mkdtemp(join(dir, 'peft-'));
  const hyper = { rank: 2, alpha: adapter.alpha, scaling, dropout: 0 };
  await writePeft(folder, adapter, { config: readConfig(bases.get(name)!), hyper, baseName: 'x' });
  return folder;
}
const byName = (layers: readonly AdapterLayer[]) => new Map(layers.map((layer) => [layer.name, layer]));

describe.each(names)('a %s with names of its own', (name) => {
  it("is written with transformers' names and shapes", async () => {
    const tensors = await readSafetensors(join(await written(name), PEFT_WEIGHTS));
    const blocks = name === 'gemma3' ? [0, 33] : [0, 1];
    const ours = [...tensors].filter(([key]) => blocks.some((block) => key.includes(`layers.${block}.`)));
    const halves = Object.entries(reference[name]).flatMap(([module, [out, width]]) => {
      const rank = module.endsWith('input_linear') ? 4 : 2;
      return [
        [`${PEFT_PREFIX}${module}.lora_A.weight`, [rank, width]],
        [`${PEFT_PREFIX}${module}.lora_B.weight`, [out, rank]],
      ] as const;
    });
    expect(Object.fromEntries(ours.map(([key, { shape }]) => [key, shape]))).toEqual(
      Object.fromEntries(halves),
    );
  });

  it('is unchanged after writing and reading it', async () => {
    const again = await readPeft(await written(name), bases.get(name)!);
    expect(byName(again.adapter.layers)).toEqual(byName(adapters.get(name)!.layers));
    expect(again.adapter.alpha).toBe(4);
  });
});

it("adapts no layers of Gemma's vision model, whose linear layers have the same names", async () => {
  const config = await configOf(await written('gemma3'));
  const modules = config['target_modules'] as string[];
  expect(modules).toHaveLength(34 * 7);
  expect(modules.every((module) => module.startsWith('model.language_model.layers.'))).toBe(true);
});

it.each(['model.', 'language_model.model.', 'model.language_model.', ''])(
  "an adapter for a Gemma whose names begin with '%slayers.' is read",
  async (prefix) => {
    const folder = await written('gemma3');
    const path = join(folder, PEFT_WEIGHTS);
    const tensors = await read(path);
    const renamed = [...tensors].map(
      ([key, tensor]) => [key.replace('model.language_model.layers', `${prefix}layers`), tensor] as const,
    );
    await writeSafetensors(path, new Map(renamed));
    const { adapter } = await readPeft(folder, bases.get('gemma3')!);
    expect(byName(adapter.layers)).toEqual(byName(adapters.get('gemma3')!.layers));
  },
);

describe('a Gemma 3 of a size that exists with and without vision', () => {
  const withTags = (...tags: string[]) => {
    const base = bases.get('gemma3')!;
    return readConfig({ ...base, metadata: { ...base.metadata, 'general.tags': tags } });
  };
  const first = (config: ReturnType<typeof readConfig>) => transformersName('blk.0.attn_q', config);

  // For Google's 4B and the text model MedGemma 27B, as llama.cpp's converter copies them from the card.
  it.each([
    [['image-text-to-text'], 'model.language_model.layers.0.self_attn.q_proj', '--names text'],
    [['medical', 'text-generation'], 'model.layers.0.self_attn.q_proj', '--names pictures'],
    [[], 'model.language_model.layers.0.self_attn.q_proj', '--names text'],
  ])('has the names implied by its tags %j, and a note about the others', (tags, name, other) => {
    const config = withTags(...tags);
    expect(first(config)).toBe(name);
    expect(english(namingNote(config)!)).toContain(other);
  });

  it('gets the requested names', () => {
    const config = withTags('image-text-to-text');
    expect(first(applyNaming(config, 'text'))).toBe('model.layers.0.self_attn.q_proj');
    expect(first(applyNaming(applyNaming(config, 'text'), 'pictures'))).toBe(first(config));
  });

  it('is the only one with a choice', () => {
    const granite = readConfig(bases.get('granite')!);
    expect(namingNote(granite)).toBeUndefined();
    expect(() => applyNaming(granite, 'text')).toThrow('one kind of names');
  });
});

describe('gate and up of a Granite 4.0, which are one linear layer in transformers', () => {
  const layer = (module: string, rank: number, seed: number): AdapterLayer => {
    const values = (count: number) =>
      Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i));
    return {
      name: `blk.1.ffn_${module}`,
      a: values(rank * 64),
      b: values(128 * rank),
      rank,
      in: 64,
      out: 128,
    };
  };
  const cases: [string, AdapterLayer[]][] = [
    ['both', [layer('gate', 2, 1), layer('up', 2, 2)]],
    ['ranks of their own', [layer('gate', 3, 1), layer('up', 2, 2)]],
    ['gate alone', [layer('gate', 2, 1)]],
    ['up alone', [layer('up', 2, 2)]],
  ];

  it.each(cases)('combine separate changes: %s', async (_, layers) => {
    const alpha = 6;
    const folder = await written('granite', { alpha, layers });
    const joined = await deltaInFile(folder, 'model.layers.1.shared_mlp.input_linear');
    const apart = ['gate', 'up'].flatMap((module) => {
      const one = layers.find(({ name }) => name.endsWith(module));
      return one ? delta(one, alpha / one.rank) : new Array<number>(128 * 64).fill(0);
    });
    expect(largestDifference(joined, apart)).toBeLessThan(1e-6);
    const { adapter } = await readPeft(folder, bases.get('granite')!);
    expect([...byName(adapter.layers).keys()].sort()).toEqual([...byName(layers).keys()].sort());
    for (const one of adapter.layers) {
      const before = layers.find(({ name }) => name === one.name)!;
      const [now, then] = [delta(one, adapter.alpha / one.rank), delta(before, alpha / before.rank)];
      expect(largestDifference(now, then)).toBeLessThan(1e-6);
    }
  });

  it('are read from an adapter that changes both by the same components', async () => {
    const folder = await written('granite', { alpha: 6, layers: [layer('gate', 2, 1), layer('up', 2, 2)] });
    const path = join(folder, PEFT_WEIGHTS);
    const tensors = await read(path);
    const name = `${PEFT_PREFIX}model.layers.1.shared_mlp.input_linear.lora_B.weight`;
    tensors.get(name)!.data.fill(0.5);
    await writeSafetensors(path, tensors);
    const { adapter } = await readPeft(folder, bases.get('granite')!);
    expect(adapter.layers.map(({ name, rank, out }) => [name, rank, out])).toEqual([
      ['blk.1.ffn_gate', 4, 128],
      ['blk.1.ffn_up', 4, 128],
    ]);
    const joined = await deltaInFile(folder, 'model.layers.1.shared_mlp.input_linear');
    const apart = adapter.layers.flatMap((one) => delta(one, adapter.alpha / one.rank));
    expect(largestDifference(joined, apart)).toBeLessThan(1e-6);
  });
});

/** (alpha / rank) B A, row by row. */
function delta({ a, b, rank, in: width, out }: Omit<AdapterLayer, 'name'>, scale: number): number[] {
  return Array.from({ length: out * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += b[row * rank + r]! * a[r * width + column]!;
    return scale * sum;
  });
}

/** As PEFT computes it from the folder: the pattern's alpha or the common one, divided by the rank. */
async function deltaInFile(folder: string, module: string): Promise<number[]> {
  const config = await configOf(folder);
  const tensors = await read(join(folder, PEFT_WEIGHTS));
  const [a, b] = ['A', 'B'].map((half) => tensors.get(`${PEFT_PREFIX}${module}.lora_${half}.weight`)!);
  const [rank, width] = a!.shape as [number, number];
  const own = (config['alpha_pattern'] as Record<string, number>)[module];
  expect(rank).toBe((config['rank_pattern'] as Record<string, number>)[module] ?? config['r']);
  const scale = (own ?? Number(config['lora_alpha'])) / rank;
  return delta({ a: a!.data, b: b!.data, rank, in: width, out: b!.shape[0]! }, scale);
}

async function read(path: string) {
  const read = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, { shape, data }] of await readSafetensors(path))
    read.set(name, { shape, data: await data.read() });
  return read;
}
const configOf = async (folder: string) =>
  JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
const largestDifference = (a: readonly number[], b: readonly number[]) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), a.length === b.length ? 0 : Infinity);
