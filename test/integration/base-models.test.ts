/** The command `forget-me-not models`. Needs dist/. */
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Workplace } from '../support/cli.ts';
import { HubServer } from '../support/hub-server.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

let place: Workplace;
let model: Buffer;
let hub: HubServer;

beforeAll(async () => {
  place = await Workplace.create();
  await writeTinyModel(place.path('tiny.gguf'), { layers: 1 });
  model = await readFile(place.path('tiny.gguf'));
});
afterAll(() => place?.dispose());
beforeEach(async () => {
  hub = await HubServer.start({
    'team/tiny': { 'tiny.gguf': { content: model } },
    'QuantFactory/Llama-3.2-1B-GGUF': { 'Llama-3.2-1B.Q8_0.gguf': { content: model } },
  });
  vi.stubEnv('HF_ENDPOINT', hub.url);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
});

interface Listed {
  models: {
    id: string;
    bytes: number;
    licence?: string;
    memory?: { lora: number; full: number };
    present: boolean;
    path: string;
  }[];
  default: { id: string; why: string; withTensorflow?: { id: string } };
}

it('lists known bases with size, licence and memory, which are here, and which is the default', async () => {
  const { models, default: chosen } = await place.json<Listed>('models');
  expect(models.map(({ id }) => id)).toEqual(
    expect.arrayContaining(['smollm2-135m', 'qwen2.5-coder-0.5b', 'qwen2.5-coder-1.5b', 'codellama-7b']),
  );
  expect(models[0]).toMatchObject({
    id: 'smollm2-135m',
    bytes: 98_362_432,
    licence: 'Apache-2.0',
    present: false,
  });
  for (const { memory } of models) expect(memory!.full).toBeGreaterThan(memory!.lora);
  // Which one depends on the machine's GPU; unit tests cover the choice itself.
  expect(models.map(({ id }) => id)).toContain(chosen.id);
  const { stdout, code } = await place.run('models');
  expect(code).toBe(0);
  const shown = (id: string) => {
    const { lora, full } = models.find((one) => one.id === id)!.memory!;
    return [lora, full].map((bytes) => `${(bytes / 1e9).toFixed(2)} GB`).join(' +');
  };
  expect(stdout).toMatch(
    new RegExp(`smollm2-135m +98 MB +Apache-2\\.0 +${shown('smollm2-135m')} +no +not fetched`),
  );
  expect(stdout).toMatch(
    new RegExp(`qwen2\\.5-coder-7b +8\\.10 GB +Apache-2\\.0 +${shown('qwen2.5-coder-7b')} +yes +not fetched`),
  );
  expect(stdout).toContain(`The default on this machine is ${chosen.id}: ${chosen.why}.`);
});

it('resolves auto as train, doctor and fetch do, also without TensorFlow', async () => {
  const folder = await place.code();
  const home = place.home;
  // Without this machine's runtime and downloads, and without a package index.
  place.home = place.path('bare');
  vi.stubEnv('PATH', place.root);
  vi.stubEnv('PIP_NO_INDEX', '1');
  try {
    const { default: chosen } = await place.json<Listed>('models');
    const said = new RegExp(`^Base: ${chosen.id}, because`, 'm');
    for (const command of [
      ['train', folder],
      ['models', 'fetch', 'auto'],
      ['sweep', folder],
    ])
      expect((await place.run(...command)).stdout, command[0]).toMatch(said);
    expect(await place.json('doctor')).toMatchObject({ chosenBase: chosen.id });
    const { stdout } = await place.run('models');
    if (chosen.withTensorflow)
      expect(stdout).toContain(
        `With TensorFlow installed ("forget-me-not runtime install"), it would be ${chosen.withTensorflow.id}.`,
      );
  } finally {
    place.home = home;
  }
});

it('fetches a known base by its name and lists it once', async () => {
  const { code, stdout, stderr } = await place.run('models', 'fetch', 'llama-3.2-1b');
  expect({ code, stderr }).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/Llama-3\.2-1B: downloads \d+ MB, licence Llama 3\.2 Community\./),
  });
  expect(stdout).toMatch(
    /^llama-3\.2-1b is here: .+\n {2}sha256 [0-9a-f]{64}\n {2}licence Llama 3\.2 Community\n$/,
  );
  const { models } = await place.json<Listed>('models');
  const listed = models.filter(({ path }) => path.endsWith('Llama-3.2-1B.Q8_0.gguf'));
  expect(listed).toMatchObject([{ id: 'llama-3.2-1b', bytes: model.length, present: true }]);
});

it('says what it would download, and downloads nothing', async () => {
  const planned = await place.json('models', 'fetch', 'team/tiny', '--dry-run');
  expect(planned).toEqual({ what: 'team/tiny:tiny.gguf', bytes: model.length });
  expect((await place.run('models', 'fetch', 'team/tiny', '--dry-run')).stdout).toMatch(
    /^team\/tiny:tiny\.gguf would be downloaded: /,
  );
  const { models } = await place.json<Listed>('models');
  expect(models.map(({ id }) => id)).not.toContain('team/tiny:tiny.gguf');
  const here = await place.json('models', 'fetch', place.path('tiny.gguf'), '--dry-run');
  expect(here).toMatchObject({ bytes: 0 });
});

it('fetches from the hub, says how much, and lists it', async () => {
  const { code, stdout, stderr } = await place.run('models', 'fetch', 'team/tiny');
  expect({ code, stderr }).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/team\/tiny:tiny\.gguf: downloads \d+ MB/),
  });
  expect(stdout).toMatch(
    /^team\/tiny:tiny\.gguf is here: .+\n {2}sha256 [0-9a-f]{64}\n {2}licence apache-2\.0\n$/,
  );
  const { models } = await place.json<Listed>('models');
  const listed = models.find(({ id }) => id === 'team/tiny:tiny.gguf')!;
  expect(listed).toMatchObject({ bytes: model.length, present: true });
  expect((await readFile(listed.path)).equals(model)).toBe(true);
});

it('shows a local file', async () => {
  const base = await place.json('models', 'fetch', place.path('tiny.gguf'));
  expect(base).toMatchObject({
    id: 'tiny',
    path: place.path('tiny.gguf'),
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

describe('bad input: one sentence, non-zero exit', () => {
  it.each([
    ['an unknown name', 'smollm', 'base-not-found'],
    ['an unknown repository', 'team/none', 'hub-not-found'],
    ['an unknown file', 'team/tiny:none.gguf', 'hub-not-found'],
    ['a file that is not a model', 'text.gguf', 'base-not-gguf'],
    ['a truncated file', 'cut.gguf', 'base-truncated'],
  ])('%s', async (_, reference, errorCode) => {
    await writeFile(place.path('text.gguf'), 'not a model');
    await writeFile(place.path('cut.gguf'), model.subarray(0, -100));
    const { code, stdout, stderr } = await place.run('models', 'fetch', reference);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^(Looking up \\S+\\n)?\\[${errorCode}\\] [^\\n]+\\. [^\\n]+\\n$`));
    expect(stdout).toBe('');
  });

  it('no network', async () => {
    await hub.stop();
    const { code, stderr } = await place.run('models', 'fetch', 'team/other');
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('[network]') });
  });
});
