/** A base that leaves the GPU: for a training, or because its context does not fit there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { withTraining } from '../../src/runs/index.ts';
import { ModelContext } from '../../src/serving/host/model-context.ts';
import { openLlamaHost } from '../../src/serving/host/llama-host.ts';
import type * as placing from '../../src/serving/host/place-base.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

const processor = vi.hoisted(() => ({ full: true }));
vi.mock('../../src/serving/host/place-base.ts', async (original) => {
  const real = await original<typeof placing>();
  const onProcessor: typeof placing.onProcessor = (file, why) => {
    if (!processor.full) return real.onProcessor(file, why);
    processor.full = false;
    return Promise.reject(new Error('unable to allocate'));
  };
  // The CPU plays the GPU.
  const placeBase: typeof placing.placeBase = async (file) => {
    const { model, used } = await real.onProcessor(file);
    return { model, used: { ...used, backend: 'vulkan', layers: used.ofLayers } };
  };
  const dropGpu = () => Promise.resolve();
  return { ...real, onProcessor, placeBase, freeOnGpu: () => Promise.resolve(1e9), dropGpu };
});

const training = vi.hoisted(() => ({ begins: (): boolean => false }));
vi.mock('../../src/serving/host/room-for-training.ts', () => ({
  watchForTraining(leave: () => boolean) {
    training.begins = leave;
    return () => undefined;
  },
}));

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-moves-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
  await writeTinyModel(join(dir, 'base.gguf'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

it('is loaded at a later request if its context fits neither there nor, at first, in memory', async () => {
  const host = await openLlamaHost({ basePath: join(dir, 'base.gguf'), contextSize: 512, threads: 1 });
  vi.spyOn(ModelContext, 'open').mockRejectedValueOnce(new Error('out of memory'));
  const ask = () => host.complete({ model: 'base', prompt: 'a b c', maxTokens: 4, ignoreEnd: true });
  await withTraining('The training of garden', () => expect(ask()).rejects.toThrow('unable to allocate'));
  expect(host.limitedByTraining).toBe(true);
  expect(host.device).toMatchObject({ backend: 'cpu', layers: 0, why: expect.stringContaining('too full') });
  expect(host.contextSize).toBeGreaterThan(0);
  expect((await ask()).completionTokens).toBe(4);
  await host.dispose();
});

it('leaves the GPU to a training when no request is computed; requests wait meanwhile', async () => {
  processor.full = false;
  const host = await openLlamaHost({ basePath: join(dir, 'base.gguf'), contextSize: 512, threads: 1 });
  const ask = () => host.complete({ model: 'base', prompt: 'a b c', maxTokens: 4, ignoreEnd: true });
  const asked = ask();
  expect(training.begins()).toBe(false);
  const { text } = await asked;
  expect(host.device.backend).toBe('vulkan');
  expect(training.begins()).toBe(true);
  expect((await ask()).text).toBe(text);
  expect(host.device).toMatchObject({
    backend: 'cpu',
    layers: 0,
    why: expect.stringContaining('training') as string,
  });
  await host.dispose();
});
