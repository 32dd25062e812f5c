/** A base that leaves the GPU: for a training, or because its context does not fit there or the GPU fails. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { ComputeDevice } from '../../src/protocol/gpu.ts';
import type { ServerReady } from '../../src/protocol/server.ts';
import { withTraining } from '../../src/runs/index.ts';
import { readAnnouncement } from '../../src/serving/client/announcement.ts';
import { holdServer } from '../../src/serving/client/lease.ts';
import { clearMarks, noteCrash } from '../../src/serving/host/gpu-guard.ts';
import { ModelContext } from '../../src/serving/host/model-context.ts';
import { openLlamaHost, type OnText } from '../../src/serving/host/llama-host.ts';
import type * as placing from '../../src/serving/host/place-base.ts';
import { startServer } from '../../src/serving/http/start-server.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

const processor = vi.hoisted(() => ({ full: false }));
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
    return { model, used: { ...used, backend: 'vulkan', layers: used.ofLayers }, awaits: 'vulkan' };
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
const open = () => openLlamaHost({ basePath: join(dir, 'base.gguf'), contextSize: 512, threads: 1 });
const request = { model: 'base', prompt: 'a b c', maxTokens: 4, ignoreEnd: true };
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

it('is loaded at a later request if its context fits neither there nor, at first, in memory', async () => {
  processor.full = true;
  const host = await open();
  vi.spyOn(ModelContext, 'open').mockRejectedValueOnce(new Error('out of memory'));
  const ask = () => host.complete(request);
  await withTraining('The training of garden', async () => {
    await expect(ask()).rejects.toThrow('unable to allocate');
    expect(await host.gpuMayBeFree()).toBe(false);
  });
  expect(await host.gpuMayBeFree()).toBe(true);
  // A chat counts its tokens before it asks.
  expect((await host.encode('a b')).length).toBeGreaterThan(0);
  expect(host.device).toMatchObject({ backend: 'cpu', layers: 0, why: expect.stringContaining('too full') });
  expect(host.contextSize).toBeGreaterThan(0);
  expect((await ask()).completionTokens).toBe(4);
  await host.dispose();
});

it('leaves the GPU to a training when no request is computed; requests wait meanwhile', async () => {
  const host = await open();
  const ask = () => host.complete(request);
  const asked = ask();
  expect(training.begins()).toBe(false);
  const { text } = await asked;
  expect(host.device.backend).toBe('vulkan');
  expect(training.begins()).toBe(true);
  expect((await host.encode('a b')).length).toBeGreaterThan(0);
  expect((await ask()).text).toBe(text);
  expect(host.device).toMatchObject({
    backend: 'cpu',
    layers: 0,
    why: expect.stringContaining('training') as string,
  });
  await host.dispose();
});

it('answers on the processor if the GPU fails at a request', async () => {
  const host = await open();
  const { text } = await host.complete(request);
  const fails = vi.spyOn(ModelContext.prototype, 'complete');
  fails.mockRejectedValueOnce(new Error('Eval has failed'));
  expect((await host.complete(request)).text).toBe(text);
  const why = 'Completion failed on the GPU (Vulkan): Eval has failed.';
  expect(host.device).toMatchObject({ backend: 'cpu', layers: 0, why });
  fails.mockRejectedValueOnce(new Error('Eval has failed'));
  await expect(host.complete(request)).rejects.toThrow('Eval has failed');
  await host.dispose();
});

it('answers with a whole model on the processor if the GPU fails at it', async () => {
  const path = join(dir, 'whole.gguf');
  await writeTinyModel(path);
  const models = [{ name: 'whole', path }];
  const host = await openLlamaHost({
    basePath: join(dir, 'base.gguf'),
    models,
    contextSize: 512,
    threads: 1,
  });
  const ask = () => host.complete({ ...request, model: 'whole' });
  const { text } = await ask();
  vi.spyOn(ModelContext.prototype, 'complete').mockRejectedValueOnce(new Error('Eval has failed'));
  expect((await ask()).text).toBe(text);
  expect(host.device.backend).toBe('cpu');
  expect((await ask()).text).toBe(text);
  await host.dispose();
});

it('does not begin an answer anew of which a part was told', async () => {
  const host = await open();
  vi.spyOn(ModelContext.prototype, 'complete').mockImplementationOnce((_request, _signal, onText) => {
    onText?.('a', []);
    return Promise.reject(new Error('Eval has failed'));
  });
  const tell = vi.fn<OnText>();
  await expect(host.complete(request, undefined, tell)).rejects.toThrow('Eval has failed');
  expect(tell).toHaveBeenCalledOnce();
  expect(host.device.backend).toBe('cpu');
  expect((await host.complete(request)).completionTokens).toBe(4);
  await host.dispose();
});

it('may use a GPU again whose crash is forgotten', async () => {
  const host = await open();
  await noteCrash('vulkan', spawnSync(process.execPath, ['--version']).pid);
  expect(await host.gpuMayBeFree()).toBe(false);
  await clearMarks();
  expect(await host.gpuMayBeFree()).toBe(true);
  await host.dispose();
});

it('a server that moves tells its clients, and who started it', async () => {
  const announceIn = join(dir, 'announced.json');
  const onMoved = vi.fn<(device: ComputeDevice) => void>();
  const basePath = join(dir, 'base.gguf');
  const server = await startServer({ basePath, token: 'secret', threads: 1, announceIn, onMoved });
  const heard: ServerReady[] = [];
  const lease = await holdServer((await readAnnouncement(announceIn))!, (ready) => heard.push(ready));
  expect(lease?.ready.device.backend).toBe('vulkan');
  expect(training.begins()).toBe(true);
  await expect.poll(() => heard, { timeout: 20_000 }).toHaveLength(1);
  expect(heard[0]).toMatchObject({ port: server.port, device: { backend: 'cpu', layers: 0 } });
  expect(lease?.ready).toBe(heard[0]);
  expect(onMoved).toHaveBeenCalledOnce();
  lease?.release();
  await server.close();
});
