/** What is served is compared with what was trained in f32, whatever precision it was trained in. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Resources } from '../../src/evaluation/resources.ts';
import { tinyTokens } from '../support/tiny-weights.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fmn-served-'));
  await writeTinyModel(join(root, 'base.gguf'), { seed: 5 });
  await writeTinyAdapter(join(root, 'adapter.gguf'), join(root, 'base.gguf'), { seed: 2, scale: 0.1 });
});
afterAll(() => rm(root, { recursive: true, force: true, maxRetries: 5 }));

it('compares an adapter in f32, also if it was trained in bf16', async () => {
  const trainedIn = async (precision: 'f32' | 'bf16') => {
    const base = { id: 'tiny', path: join(root, 'base.gguf'), sha256: 'ab'.repeat(32) };
    const result = { id: 'changed', adapterPath: join(root, 'adapter.gguf') };
    const resources = new Resources({ base, backend: 'tensorflow', precision, result });
    try {
      return (await resources.distributions(tinyTokens(32, 40))).trained;
    } finally {
      await resources.dispose();
    }
  };
  expect(await trainedIn('bf16')).toEqual(await trainedIn('f32'));
});
