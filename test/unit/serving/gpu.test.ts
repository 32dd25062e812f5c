/** What completion leaves to a training on a GPU, and how it remembers a GPU that crashed the process. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isSoftware } from '../../../src/llama-cpp/gpu.ts';
import type { ModelFile } from '../../../src/llama-cpp/llama.ts';
import { describeDevice } from '../../../src/protocol/gpu.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { hasCrashed, clearMarks, withGuard } from '../../../src/serving/host/gpu-guard.ts';
import { withTraining } from '../../../src/runs/training-lock.ts';
import { isOutOfMemory, gpuFailure, placeBase } from '../../../src/serving/host/place-base.ts';
import {
  hasAllocated,
  availableNextToTraining,
  plannedBytes,
  trainingGpuMemory,
} from '../../../src/serving/host/training-memory.ts';
import { parseServerArgs } from '../../../src/serving/http/server-args.ts';
import { useTemporaryHome } from '../runs/help.ts';
import { english } from '../../../src/text/message.ts';

vi.mock('../../../src/llama-cpp/gpu.ts', async (original) => ({
  ...(await original<object>()),
  startGpu: () => Promise.resolve({ kind: 'vulkan', devices: ['A GPU'] }),
}));
vi.mock('../../../src/llama-cpp/llama.ts', async (original) => ({
  ...(await original<object>()),
  sharedLlama: () => Promise.resolve({ dispose: () => Promise.resolve() }),
  loadLlamaModel: () => Promise.resolve({ fileInsights: { totalLayers: 3 } }),
}));

const home = useTemporaryHome();
const marks = () => join(home.path(), 'cache/gpu');
afterEach(() => void vi.restoreAllMocks());
const markOf = () => join(marks(), readdirSync(marks())[0]!);

describe('a GPU that is tried', () => {
  it('leaves a mark until it has worked, or failed', async () => {
    await withGuard('vulkan', async () => expect(readdirSync(marks())).toHaveLength(1));
    await expect(withGuard('vulkan', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(marks())).toEqual([]);
  });

  it('leaves no mark if the process is asked to stop meanwhile, and the process ends', async () => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    const others = process.listeners('SIGTERM');
    process.removeAllListeners('SIGTERM');
    await withGuard('vulkan', () => {
      process.emit('SIGTERM', 'SIGTERM');
      expect(readdirSync(marks())).toEqual([]);
      return Promise.resolve();
    });
    expect(kill.mock.calls).toEqual([[process.pid, process.platform === 'win32' ? 'SIGKILL' : 'SIGTERM']]);
    expect(process.listenerCount('SIGTERM')).toBe(0);
    for (const other of others) process.on('SIGTERM', other);
  });

  it('is avoided for a day if the process crashed with it', async () => {
    await withGuard('vulkan', async () => {
      // Made by this process, which is alive: another server that is starting.
      expect(await hasCrashed('vulkan')).toBe(false);
      const { pid } = spawnSync(process.execPath, ['--version']);
      writeFileSync(markOf(), `${pid}\n`);
      expect([await hasCrashed('vulkan'), await hasCrashed('cuda')]).toEqual([true, false]);
      const placed = await placeBase({ path: 'base.gguf' } as ModelFile, { gpu: 'auto', tokens: 512 });
      expect(placed).toMatchObject({ awaits: 'vulkan', used: { backend: 'cpu' } });
      const past = new Date(Date.now() - 25 * 3600_000);
      utimesSync(markOf(), past, past);
      expect(await hasCrashed('vulkan')).toBe(false);
    });
    await clearMarks();
    expect(existsSync(marks())).toBe(false);
  });
});

describe("a training's planned memory on a GPU", () => {
  const memory = { total: 5e9, plan: { weights: 3e9, runtime: 6e8, evaluation: 4e8 }, available: 8e9 };
  const run = (backend: string) =>
    ({
      spec: { backend: 'auto' },
      events: [
        { type: 'start', time: '', backend },
        { type: 'memory', time: '', ...memory },
      ],
    }) as unknown as RunSnapshot;

  it.each([
    ['webgpu', false, 4e9],
    ['tensorflow', true, 4e9],
    ['tensorflow', false, 0],
    ['wasm', true, 0],
  ])('with %s, CUDA %s: %d bytes', (backend, cuda, bytes) =>
    expect(plannedBytes(run(backend), cuda)).toBe(bytes),
  );

  it('is unknown if no run states it, as during a search for a learning rate', async () => {
    mkdirSync(home.path(), { recursive: true });
    expect(await trainingGpuMemory()).toEqual({ bytes: 0, isAllocated: false });
    expect(await withTraining('A search for a learning rate', () => trainingGpuMemory())).toBeUndefined();
  });

  it('keeps the base from the GPU where it is unknown, which is noted for later', async () => {
    const placement = { gpu: 'auto', tokens: 512 } as const;
    const place = () => placeBase({ path: 'base.gguf' } as ModelFile, placement);
    const { used, awaits } = await withTraining('A search for a learning rate', place);
    expect([used.backend, awaits]).toEqual(['cpu', 'training']);
  });

  it('is kept free until it is allocated; then other programs have only the rest', () => {
    const state = { total: 24, free: 10 };
    expect(availableNextToTraining({ bytes: 6, isAllocated: false }, state)).toBe(4);
    expect(availableNextToTraining({ bytes: 6, isAllocated: true }, state)).toBe(10);
    expect(availableNextToTraining({ bytes: 16, isAllocated: true }, state)).toBe(8);
    expect(availableNextToTraining({ bytes: 30, isAllocated: false }, state)).toBe(0);
  });

  it.each([
    [['start'], false],
    [['start', 'memory', 'step'], true],
    [['start', 'step', 'start'], false],
    [['start', 'step', 'memory'], false],
    [['start', 'step', 'done'], false],
  ])('after %j counts as allocated: %s', (types, taken) =>
    expect(hasAllocated({ events: types.map((type) => ({ type })) } as unknown as RunSnapshot)).toBe(taken),
  );

  it("is as the run states it, if it plans the GPU's memory separately", () => {
    const apart = run('webgpu');
    Object.assign(apart.events[1]!, { device: { total: 7e8 } });
    expect(plannedBytes(apart, false)).toBe(7e8);
    // Before it says where it starts.
    expect(plannedBytes({ ...apart, events: apart.events.slice(1) }, false)).toBe(7e8);
  });
});

describe('texts about the GPU', () => {
  it('say what computes', () => {
    const gpu = { devices: ['NVIDIA GeForce RTX 4090'], layers: 25, ofLayers: 25, threads: 4 };
    expect(describeDevice({ backend: 'vulkan', ...gpu })).toBe(
      'NVIDIA GeForce RTX 4090 (Vulkan), 25 of 25 layers',
    );
    expect(describeDevice({ backend: 'cpu', ...gpu, threads: 1 })).toBe('the processor, 1 thread');
  });

  it('distinguish a lack of memory from other failures', () => {
    const full = new Error('Failed to create context');
    expect([isOutOfMemory(full), isOutOfMemory(new Error('unknown token'))]).toEqual([true, false]);
    expect(english(gpuFailure('cuda', full))).toBe(
      'The memory of the GPU is too full for completion (CUDA).',
    );
    expect(english(gpuFailure('vulkan', new Error('Device lost.')))).toBe(
      'Completion failed on the GPU (Vulkan): Device lost.',
    );
  });

  it('recognise devices that compute on the processor', () =>
    expect(
      ['llvmpipe (LLVM 19.1.7, 256 bits)', 'SwiftShader Device', 'NVIDIA H100', 'AMD Radeon'].map(isSoftware),
    ).toEqual([true, true, false, false]));

  it('--gpu accepts the known ones, with auto as the default', () => {
    const of = (...args: string[]) => parseServerArgs(['--base', 'a.gguf', ...args]).gpu;
    expect([of(), of('--gpu', 'off'), of('--gpu', 'cuda')]).toEqual(['auto', 'off', 'cuda']);
    expect(() => of('--gpu', 'opencl')).toThrow('--gpu opencl is not known.');
  });
});
