/** Adapters saved by the PEFT library, and what it computes with them: test/reference/peft_adapters.py. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { architectures, type ArchitectureName } from '../../../src/base-models/architectures.ts';
import { exportAdapterGguf, readAdapterGguf } from '../../../src/weights/index.ts';
import { writePeft } from '../../../src/weights/peft.ts';
import { readPeft } from '../../../src/weights/read-peft.ts';
import { readSafetensors, writeSafetensors } from '../../../src/weights/safetensors.ts';
import { openGguf, type GgufFile } from '../../../src/gguf/index.ts';
import { linearNames, readConfig } from '../../../src/model/index.ts';
import { hyperSchema } from '../../../src/protocol/run.ts';
import { startBackend } from '../../../src/tensor/index.ts';
import { openScorer } from '../../../src/training/scorer.ts';
import {
  furthest,
  peftCases,
  peftLogProbabilities,
  peftTokens,
  writePeftBase,
  writePeftFolder,
} from '../../support/peft-fixture.ts';
import { writeTinyAdapter, writeTinyModel } from '../../support/tiny-model.ts';

let dir: string;
const bases = new Map<string, GgufFile>();
const at = (...names: string[]) => join(dir, ...names);
const [[, allLinears]] = peftCases as [(typeof peftCases)[number]];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-peft-'));
  for (const architecture of ['llama', 'qwen2'] as const) {
    await writePeftBase(at(`${architecture}.gguf`), architecture);
    bases.set(architecture, await openGguf(at(`${architecture}.gguf`)));
  }
});
afterAll(async () => {
  for (const base of bases.values()) await base.close();
  await rm(dir, { recursive: true, force: true });
});

/** As an import makes it: the library's values, as those of the run. */
const hyperOf = (config: Record<string, unknown>) =>
  hyperSchema.parse({
    rank: config['r'],
    alpha: config['lora_alpha'],
    scaling: config['use_rslora'] ? 'rank-stabilised' : 'standard',
    dropout: config['lora_dropout'],
    learningRate: 1,
    steps: 1,
  });

describe.each(peftCases)('a PEFT adapter, %s', (_, one) => {
  const folder = () => at(one.architecture);
  beforeAll(() => writePeftFolder(folder(), one));

  it("gives the library's logits in our model", async () => {
    const base = bases.get(one.architecture)!;
    const { adapter } = await readPeft(folder(), base);
    await exportAdapterGguf(at('a.gguf'), adapter);
    const scorer = await openScorer({
      basePath: base.path,
      adapterPath: at('a.gguf'),
      backend: await startBackend('wasm'),
    });
    const expected = peftLogProbabilities(one);
    expect(furthest(expected, await scorer.probabilities(peftTokens, 'result'))).toBeLessThan(1e-3);
    expect(furthest(expected, await scorer.probabilities(peftTokens, 'base'))).toBeGreaterThan(0.1);
    scorer.dispose();
  });

  it('is written as the library wrote it', async () => {
    const base = bases.get(one.architecture)!;
    const { adapter } = await readPeft(folder(), base);
    const options = {
      config: readConfig(base),
      hyper: hyperOf(one.config),
      baseName: `tiny/${one.architecture}`,
    };
    await writePeft(at('again'), adapter, options);
    const ours = await readSafetensors(at('again', 'adapter_model.safetensors'));
    const theirs = await readSafetensors(join(folder(), 'adapter_model.safetensors'));
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
    const mixed = Object.keys(one.config['alpha_pattern'] as object).length > 0;
    for (const [name, { shape, data }] of ours) {
      expect(shape, name).toEqual(theirs.get(name)!.shape);
      if (!mixed) expect(await data.read(), name).toEqual(await theirs.get(name)!.data.read());
    }
    if (!mixed) expect(await configAgain()).toEqual(await configOfLibrary());
  });

  const configAgain = async () => {
    const config = JSON.parse(await readFile(at('again', 'adapter_config.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    return { ...config, target_modules: (config['target_modules'] as string[]).sort() };
  };
  /** The configuration keys that we write, and the modules by name if layers are chosen. */
  const configOfLibrary = async () => {
    const keys = Object.keys(await configAgain());
    const theirs = Object.fromEntries(keys.map((key) => [key, one.config[key]]));
    const layers = one.config['layers_to_transform'] as number[] | null;
    if (!layers) return theirs;
    const modules = one.config['target_modules'] as string[];
    const names = layers.flatMap((layer) =>
      modules.map((module) => `model.layers.${layer}.self_attn.${module}`),
    );
    return { ...theirs, target_modules: names.sort() };
  };
});

it('an adapter with ranks and alphas per module is unchanged after writing and reading it', async () => {
  const [, one] = peftCases.find(([title]) => title.startsWith('ranks'))!;
  const base = bases.get('llama')!;
  const { adapter } = await readPeft(await writePeftFolder(at('mixed'), one), base);
  await writePeft(at('mixed-again'), adapter, {
    config: readConfig(base),
    hyper: hyperOf(one.config),
    baseName: 'x',
  });
  const again = await readPeft(at('mixed-again'), base);
  expect(again.adapter.alpha).toBe(adapter.alpha);
  const byName = (layers: typeof adapter.layers) => new Map(layers.map((layer) => [layer.name, layer]));
  expect(byName(again.adapter.layers)).toEqual(byName(adapter.layers));
});

it.each(Object.keys(architectures) as ArchitectureName[])(
  'an adapter of a %s is unchanged after writing and reading it',
  async (architecture) => {
    const [base, folder] = [at(`own-${architecture}.gguf`), at(`own-${architecture}`)];
    await writeTinyModel(base, { architecture });
    await writeTinyAdapter(at('own.gguf'), base, { rank: 2, alpha: 4 });
    const adapter = await readAdapterGguf(at('own.gguf'));
    const gguf = await openGguf(base);
    const config = readConfig(gguf);
    expect(adapter.layers).toHaveLength(linearNames(config).length);
    const hyper = { rank: 2, alpha: 4, scaling: 'standard', dropout: 0 } as const;
    await writePeft(folder, adapter, { config, hyper, baseName: 'x' });
    const again = await readPeft(folder, gguf);
    await gguf.close();
    const byName = (layers: typeof adapter.layers) => new Map(layers.map((layer) => [layer.name, layer]));
    expect(byName(again.adapter.layers)).toEqual(byName(adapter.layers));
    expect(again.adapter).toMatchObject({ architecture, alpha: 4 });
  },
);

describe('an adapter is rejected', () => {
  const config = () => structuredClone(allLinears.config);
  const read = async (change: Record<string, unknown>, path = bases.get('llama')!) => {
    const folder = await writePeftFolder(at('bad'), { ...allLinears, config: { ...config(), ...change } });
    return readPeft(folder, path);
  };

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['DoRA', { use_dora: true }, /DoRA/],
    ['biases', { bias: 'lora_only' }, /biases/],
    ['whole modules', { modules_to_save: ['lm_head'] }, /modules_to_save/],
    ['another method', { peft_type: 'IA3' }, /IA3/],
    ['a modified base', { init_lora_weights: 'pissa_niter_16' }, /modified base/],
    ['parameters', { target_parameters: ['mlp.experts'] }, /target_parameters/],
    ['patterns', { rank_pattern: { '(a+)+$': 4 } }, /pattern/],
  ])('for %s, and says so', async (_, change, message) => {
    await expect(read(change)).rejects.toMatchObject({
      code: 'adapter-unsupported',
      message: expect.stringMatching(message),
    });
  });

  it('for weights of the embedding or the head', async () => {
    const folder = await writePeftFolder(at('head'), allLinears);
    const data = new Float32Array(4 * 32);
    const tensors = new Map([['base_model.model.lm_head.lora_A.weight', { shape: [4, 32], data }]]);
    await writeSafetensors(join(folder, 'adapter_model.safetensors'), tensors);
    await expect(readPeft(folder, bases.get('llama')!)).rejects.toMatchObject({
      code: 'adapter-unsupported',
      message: expect.stringContaining('lm_head'),
    });
  });

  it('for another base, and names both', async () => {
    await writeTinyModel(at('other.gguf'), { seed: 1 });
    const other = await openGguf(at('other.gguf'));
    bases.set('other', other);
    await expect(read({}, other)).rejects.toMatchObject({
      code: 'adapter-mismatch',
      message: expect.stringMatching(
        /tiny\/llama.*other\.gguf: .*_proj" is 32 x 48 in the adapter and 64 x 128 in the base/,
      ),
    });
  });

  it.each<[string, (folder: string) => Promise<void>]>([
    ['no configuration', (folder) => rm(join(folder, 'adapter_config.json'))],
    ['a configuration that is not JSON', (folder) => writeFile(join(folder, 'adapter_config.json'), '{')],
    ['no weights', (folder) => rm(join(folder, 'adapter_model.safetensors'))],
    ['half the weights', (folder) => shorten(folder, 0.5)],
    ['three bytes of weights', (folder) => shorten(folder, 3e-5)],
    [
      'a garbage header',
      (folder) =>
        writeFile(
          join(folder, 'adapter_model.safetensors'),
          Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{"a')]),
        ),
    ],
    [
      'unstated ranks',
      (folder) => writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ ...config(), r: 2 })),
    ],
    [
      'no rank',
      (folder) => writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ ...config(), r: 'many' })),
    ],
  ])('with %s', async (_, damage) => {
    const folder = await writePeftFolder(at('damaged'), allLinears);
    await damage(folder);
    await expect(readPeft(folder, bases.get('llama')!)).rejects.toMatchObject({ code: 'adapter-damaged' });
  });
  it('with a configuration that is a list, in a sentence naming what is missing', async () => {
    const folder = await writePeftFolder(at('listed'), allLinears);
    await writeFile(join(folder, 'adapter_config.json'), '[]');
    await expect(readPeft(folder, bases.get('llama')!)).rejects.toMatchObject({
      message: expect.stringMatching(/"\w+" in its adapter_config.json is not valid/) as string,
    });
  });
  async function shorten(folder: string, share: number) {
    const bytes = await readFile(join(folder, 'adapter_model.safetensors'));
    await writeFile(
      join(folder, 'adapter_model.safetensors'),
      bytes.subarray(0, Math.floor(bytes.length * share)),
    );
  }

  it('for a pickle', async () => {
    const folder = await writePeftFolder(at('pickle'), allLinears);
    await rm(join(folder, 'adapter_model.safetensors'));
    await writeFile(join(folder, 'adapter_model.bin'), 'x');
    await expect(readPeft(folder, bases.get('llama')!)).rejects.toMatchObject({
      code: 'adapter-unsupported',
      message: expect.stringContaining('pickle'),
    });
  });
});
