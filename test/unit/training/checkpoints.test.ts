import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Model } from '../../../src/model/index.ts';
import { listCheckpoints, restoreCheckpoint, saveCheckpoint } from '../../../src/training/checkpoints.ts';
import type { Optimizer } from '../../../src/training/optimizers.ts';

let dir = '';
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'fmn-checkpoints-'))));
afterEach(() => rm(dir, { recursive: true, force: true }));

/** One parameter and one moment; what is restored can be looked at. */
function state(value: number, moments: () => Float32Array = () => Float32Array.of(value)) {
  const seen: number[] = [];
  const model = {
    parameters: [{ name: 'w', shape: [1] }],
    read: async () => Float32Array.of(value),
    write: (_: string, data: Float32Array) => void seen.push(...data),
  } as unknown as Model;
  const optimizer = {
    state: () => new Map([['w', moments()]]),
    load: (loaded: Map<string, Float32Array>) => void seen.push(...loaded.get('w')!),
  } as unknown as Optimizer;
  return { model, optimizer, seen };
}

it('that cannot be written leaves the one before, and nothing of itself', async () => {
  const good = state(1);
  await saveCheckpoint(dir, 2, 'wasm', good.model, good.optimizer);
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const bad = state(2, () => {
    throw full;
  });
  await expect(saveCheckpoint(dir, 4, 'wasm', bad.model, bad.optimizer)).rejects.toBe(full);
  expect(await readdir(join(dir, 'checkpoints'))).toEqual(['step-000002']);
  const into = state(0);
  expect(await restoreCheckpoint(dir, into.model, into.optimizer)).toEqual({
    step: 2,
    backend: 'wasm',
    damaged: [],
  });
  expect(into.seen).toEqual([1, 1]);
});

it('is one of the newest two', async () => {
  for (const step of [2, 4, 6]) {
    const { model, optimizer } = state(step);
    await saveCheckpoint(dir, step, 'wasm', model, optimizer);
  }
  expect(await listCheckpoints(dir)).toEqual([4, 6]);
});
