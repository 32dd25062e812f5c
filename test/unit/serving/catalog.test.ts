import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readModelFile } from '../../../src/llama-cpp/llama.ts';
import { Catalog } from '../../../src/serving/host/catalog.ts';
import { writeTinyAdapter, writeTinyModel } from '../../support/tiny-model.ts';

let dir: string;
const at = (...names: string[]) => join(dir, ...names);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-catalog-'));
  await writeTinyModel(at('base.gguf'));
  await writeTinyAdapter(at('adapter.gguf'), at('base.gguf'));
});
afterAll(() => rm(dir, { recursive: true }));

it('an adapter whose file is missing for a while is served again once it is back', async () => {
  const catalog = new Catalog(await readModelFile(at('base.gguf')));
  await catalog.addAdapter({ name: 'mine', path: at('adapter.gguf') });
  const before = await catalog.find('mine');
  await rename(at('adapter.gguf'), at('elsewhere.gguf'));
  await expect(catalog.find('mine')).rejects.toMatchObject({
    status: 404,
    message: expect.stringMatching(/"mine".*was deleted/),
  });
  expect(catalog.names).toEqual(['base', 'mine']);
  await rename(at('elsewhere.gguf'), at('adapter.gguf'));
  expect(await catalog.find('mine')).toEqual(before);
});

it('an adapter unloaded while a request waits for it is not found', async () => {
  const catalog = new Catalog(await readModelFile(at('base.gguf')));
  await catalog.addAdapter({ name: 'mine', path: at('adapter.gguf') });
  catalog.remove('mine');
  await expect(catalog.find('mine')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
});
