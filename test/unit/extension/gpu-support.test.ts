/** When llama.cpp's build for GPUs is offered. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { offerGpu } from '../../../src/extension/commands/gpu-support.ts';
import type { Context } from '../../../src/extension/context.ts';
import { llamaDir } from '../../../src/platform/files/paths.ts';
import type { ComputeDevice } from '../../../src/protocol/gpu.ts';
import { ownHome } from '../../support/own-home.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
ownHome();

const onProcessor: ComputeDevice = {
  backend: 'cpu',
  devices: [],
  layers: 0,
  ofLayers: 24,
  threads: 2,
  why: 'It is not installed: {install-gpu}.',
};

it('is offered once, and again after an update if an earlier build is there', async () => {
  const store = {
    gpuOffered: undefined as string | undefined,
    setGpuOffered(version: string): Promise<void> {
      store.gpuOffered = version;
      return Promise.resolve();
    },
  };
  const checks = [{ area: 'completion', title: 'GPU', status: 'missing', text: 'There is a GPU.' }];
  const notify = vi.fn(() => Promise.resolve());
  const context = {
    store,
    log: { notify },
    completion: { answers: { hasAnswered: true }, onDidChange: () => ({ dispose: () => undefined }) },
    children: { ask: () => Promise.resolve({ checks }) },
  } as unknown as Context;
  const startTwice = async () => {
    for (let start = 0; start < 2; start += 1) await offerGpu(context, onProcessor);
  };

  await startTwice();
  expect(notify).toHaveBeenCalledTimes(1);
  store.gpuOffered = '0.0.1';
  await startTwice();
  expect(notify).toHaveBeenCalledTimes(1);
  await mkdir(join(llamaDir(), '0.0.1'), { recursive: true });
  await startTwice();
  expect(notify).toHaveBeenCalledTimes(2);
});
