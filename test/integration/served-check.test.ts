/** The served check compares in f32, whatever the training's precision. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Resources } from '../../src/evaluation/resources.ts';
import { compareDistributions } from '../../src/runs/verify.ts';
import { tinyTokens } from '../support/tiny-weights.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fmn-served-'));
  await writeTinyModel(join(root, 'base.gguf'), { seed: 5 });
  await writeTinyAdapter(join(root, 'adapter.gguf'), join(root, 'base.gguf'), { seed: 2, scale: 0.1 });
  await writeTinyAdapter(join(root, 'slight.gguf'), join(root, 'base.gguf'), { seed: 2, scale: 0.005 });
});
afterAll(() => rm(root, { recursive: true, force: true, maxRetries: 5 }));

it('compares an adapter in f32 even if it was trained in bf16', async () => {
  const trainedIn = async (precision: 'f32' | 'bf16') => {
    const base = { id: 'tiny', path: join(root, 'base.gguf'), sha256: 'ab'.repeat(32) };
    const result = { id: 'changed', adapterPath: join(root, 'adapter.gguf') };
    const resources = new Resources({ base, backend: 'tensorflow', precision, result });
    try {
      return (await resources.distributions(tinyTokens(32, 40))).result.trained;
    } finally {
      await resources.dispose();
    }
  };
  expect(await trainedIn('bf16')).toEqual(await trainedIn('f32'));
});

it('detects a missing adapter, however little it changes', async () => {
  const base = { id: 'tiny', path: join(root, 'base.gguf'), sha256: 'ab'.repeat(32) };
  const result = { id: 'slight', adapterPath: join(root, 'slight.gguf') };
  const resources = new Resources({ base, backend: 'tensorflow', result });
  try {
    const of = await resources.distributions(tinyTokens(32, 40));
    const { trained, served } = of.result;
    // Without the base's rows, it would look the same.
    expect(compareDistributions(trained, of.base!.served)).toMatchObject({ ok: true });
    expect(compareDistributions(trained, of.base!.served, of.base)).toMatchObject({ ok: false });
    expect(compareDistributions(trained, served, of.base)).toMatchObject({ ok: true });
  } finally {
    await resources.dispose();
  }
});
