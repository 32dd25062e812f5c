/** What completion leaves to a training, and how it remembers a GPU that ended the process. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isSoftware } from '../../../src/llama-cpp/gpu.ts';
import { describeDevice } from '../../../src/protocol/gpu.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { endedBy, forgetTries, guarded } from '../../../src/serving/host/gpu-guard.ts';
import { withTraining } from '../../../src/runs/training-lock.ts';
import { isOutOfMemory, whyNot } from '../../../src/serving/host/place-base.ts';
import { hasTaken, leftBeside, plannedBy, plannedOnGpu } from '../../../src/serving/host/training-memory.ts';
import { parseServerArgs } from '../../../src/serving/http/server-args.ts';
import { useTemporaryHome } from '../runs/help.ts';
import { english } from '../../../src/text/message.ts';

const home = useTemporaryHome();
const marks = () => join(home.path(), 'cache/gpu');
afterEach(() => void vi.restoreAllMocks());
const markOf = () => join(marks(), readdirSync(marks())[0]!);

describe('a GPU that is tried', () => {
  it('leaves a mark until it has worked, or failed', async () => {
    await guarded('vulkan', async () => expect(readdirSync(marks())).toHaveLength(1));
    await expect(guarded('vulkan', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(marks())).toEqual([]);
  });

  it('leaves no mark if the process is told to stop meanwhile, and the process ends', async () => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    const others = process.listeners('SIGTERM');
    process.removeAllListeners('SIGTERM');
    await guarded('vulkan', () => {
      process.emit('SIGTERM', 'SIGTERM');
      expect(readdirSync(marks())).toEqual([]);
      return Promise.resolve();
    });
    expect(kill.mock.calls).toEqual([[process.pid, process.platform === 'win32' ? 'SIGKILL' : 'SIGTERM']]);
    expect(process.listenerCount('SIGTERM')).toBe(0);
    for (const other of others) process.on('SIGTERM', other);
  });

  it('is left alone for a day if the process ended with it', async () => {
    await guarded('vulkan', async () => {
      // Of this process, which lives: another server that is starting.
      expect(await endedBy('vulkan')).toBe(false);
      const { pid } = spawnSync(process.execPath, ['--version']);
      writeFileSync(markOf(), `${pid}\n`);
      expect([await endedBy('vulkan'), await endedBy('cuda')]).toEqual([true, false]);
      const past = new Date(Date.now() - 25 * 3600_000);
      utimesSync(markOf(), past, past);
      expect(await endedBy('vulkan')).toBe(false);
    });
    await forgetTries();
    expect(existsSync(marks())).toBe(false);
  });
});

describe('what a training plans to take on a GPU', () => {
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
    expect(plannedBy(run(backend), cuda)).toBe(bytes),
  );

  it('is unknown where no run says it, such as in a search for a learning rate', async () => {
    mkdirSync(home.path(), { recursive: true });
    expect(await plannedOnGpu()).toEqual({ bytes: 0, taken: false });
    expect(await withTraining('A search for a learning rate', () => plannedOnGpu())).toBeUndefined();
  });

  it('is kept free until it is taken; then other programs have only the rest', () => {
    const state = { total: 24, free: 10 };
    expect(leftBeside({ bytes: 6, taken: false }, state)).toBe(4);
    expect(leftBeside({ bytes: 6, taken: true }, state)).toBe(10);
    expect(leftBeside({ bytes: 16, taken: true }, state)).toBe(8);
    expect(leftBeside({ bytes: 30, taken: false }, state)).toBe(0);
  });

  it.each([
    [['start'], false],
    [['start', 'memory', 'step'], true],
    [['start', 'step', 'start'], false],
    [['start', 'step', 'done'], false],
  ])('after %j it is taken: %s', (types, taken) =>
    expect(hasTaken({ events: types.map((type) => ({ type })) } as unknown as RunSnapshot)).toBe(taken),
  );

  it('as the run says, if it plans the memory of the GPU apart', () => {
    const apart = run('webgpu');
    Object.assign(apart.events[1]!, { device: { total: 7e8 } });
    expect(plannedBy(apart, false)).toBe(7e8);
  });
});

describe('for people', () => {
  it('says what computes', () => {
    const gpu = { devices: ['NVIDIA GeForce RTX 4090'], layers: 25, ofLayers: 25, threads: 4 };
    expect(describeDevice({ backend: 'vulkan', ...gpu })).toBe(
      'NVIDIA GeForce RTX 4090 (Vulkan), 25 of 25 layers',
    );
    expect(describeDevice({ backend: 'cpu', ...gpu, threads: 1 })).toBe('the processor, 1 thread');
  });

  it('tells too little memory from other failures', () => {
    const full = new Error('Failed to create context');
    expect([isOutOfMemory(full), isOutOfMemory(new Error('unknown token'))]).toEqual([true, false]);
    expect(english(whyNot('cuda', full))).toBe('The memory of the GPU is too full for completion (CUDA).');
    expect(english(whyNot('vulkan', new Error('Device lost.')))).toBe(
      'Completion failed on the GPU (Vulkan): Device lost.',
    );
  });

  it('knows devices that compute on the processor', () =>
    expect(
      ['llvmpipe (LLVM 19.1.7, 256 bits)', 'SwiftShader Device', 'NVIDIA H100', 'AMD Radeon'].map(isSoftware),
    ).toEqual([true, true, false, false]));

  it('--gpu is one of what there is; auto by default', () => {
    const of = (...args: string[]) => parseServerArgs(['--base', 'a.gguf', ...args]).gpu;
    expect([of(), of('--gpu', 'off'), of('--gpu', 'cuda')]).toEqual(['auto', 'off', 'cuda']);
    expect(() => of('--gpu', 'opencl')).toThrow('--gpu opencl is not known.');
  });
});
