import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LazyValues } from '../../../src/weights/values.ts';
import type { Model } from '../../../src/model/index.ts';
import {
  CheckpointPlan,
  resumeFrom,
  listCheckpoints,
  recordSchema,
  restoreCheckpoint,
  saveCheckpoint,
} from '../../../src/training/checkpoints/store.ts';
import { UserError } from '../../../src/text/errors.ts';
import { PATIENCE } from '../../../src/training/divergence.ts';
import { progressSchema } from '../../../src/training/loop.ts';
import type { Optimizer } from '../../../src/training/optimizers.ts';

let dir = '';
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'fmn-checkpoints-'))));
afterEach(() => rm(dir, { recursive: true, force: true }));

const fresh = progressSchema.parse({});
const plan = new CheckpointPlan(10);
const nothing = recordSchema.parse({});

/** One parameter and one moment; `seen` records what is restored. */
function state(value: number, moments: () => Float32Array = () => Float32Array.of(value)) {
  const seen: number[] = [];
  const model = {
    parameters: [{ name: 'w', shape: [1] }],
    read: async () => Float32Array.of(value),
    write: (_: string, data: Float32Array) => void seen.push(...data),
  } as unknown as Model;
  const optimizer = {
    state: () => new Map([['w', moments()]]),
    load: async (loaded: Map<string, LazyValues>) =>
      void seen.push(...((await loaded.get('w')?.read()) ?? [0])),
  } as unknown as Optimizer;
  const initial = async () => Float32Array.of(-1);
  return { model, optimizer, initial, backend: 'wasm', seen };
}
const save = (step: number, record = nothing) =>
  saveCheckpoint(dir, state(step), { step, progress: fresh, plan, record });

it("leaves the previous one, and no files, if it can't be written", async () => {
  const progress = { ...fresh, rateScale: 0.5, watch: { losses: [1 / 3], norms: [0.1], bad: 2 } };
  await saveCheckpoint(dir, state(2), { step: 2, progress, plan, record: nothing });
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const bad = state(4, () => {
    throw full;
  });
  await expect(saveCheckpoint(dir, bad, { step: 4, progress, plan, record: nothing })).rejects.toBe(full);
  expect(await readdir(join(dir, 'checkpoints'))).toEqual(['step-000002']);
  const into = state(0);
  expect(await restoreCheckpoint(dir, into)).toEqual({
    state: { format: 1, step: 2, backend: 'wasm', progress, record: nothing },
    damaged: [],
  });
  expect(into.seen).toEqual([2, 2]);
});

it("has no weights at step 0: they are the base's, and the optimiser has none", async () => {
  const progress = { ...fresh, rateScale: 0.5, skipped: 3 };
  await saveCheckpoint(dir, state(7), { step: 0, progress, plan, record: nothing });
  expect(await readdir(join(dir, 'checkpoints', 'step-000000'))).toEqual(['state.json']);
  const into = state(7);
  expect((await restoreCheckpoint(dir, into)).state).toMatchObject({ step: 0, progress });
  expect(into.seen).toEqual([-1, 0]);
});

it('is skipped if it is damaged', async () => {
  for (const step of [10, 20]) await save(step);
  await truncate(join(dir, 'checkpoints', 'step-000020', 'optimizer.safetensors'), 20);
  const into = state(0);
  expect(await restoreCheckpoint(dir, into)).toMatchObject({ state: { step: 10 }, damaged: [20] });
  expect(into.seen).toEqual([10, 10]);
  expect(await restoreCheckpoint(dir, into, 5)).toEqual({ state: undefined, damaged: [] });
  // Else it would be kept as the newest, and the next ones deleted.
  expect(await listCheckpoints(dir)).toEqual([10]);
});

it('leaves the initial state if all are damaged, even if weights of one were restored', async () => {
  for (const step of [10, 20]) await save(step);
  await truncate(join(dir, 'checkpoints', 'step-000010', 'state.json'), 3);
  const into = state(0);
  const { load } = into.optimizer;
  into.optimizer.load = (moments) =>
    moments.size ? Promise.reject(new Error('EIO: i/o error, read')) : load(moments);
  expect(await restoreCheckpoint(dir, into)).toEqual({ state: undefined, damaged: [20, 10] });
  expect(into.seen).toEqual([20, -1, 0]);
  expect(await listCheckpoints(dir)).toEqual([]);
});

it.each([
  ['memory', new RangeError('Array buffer allocation failed')],
  ['gpu-lost', new UserError('gpu-lost', 'The GPU was lost.', '')],
])('is not taken for damaged after an error of the machine: %s', async (_, error) => {
  for (const step of [10, 20]) await save(step);
  const into = state(0);
  into.model.write = () => {
    throw error;
  };
  await expect(restoreCheckpoint(dir, into)).rejects.toBe(error);
  expect(await listCheckpoints(dir)).toEqual([10, 20]);
});

it('becomes the newest one when training goes back to it', async () => {
  for (const step of [10, 20, 25]) await save(step);
  const progress = { ...fresh, rollbacks: 1, skipped: 7 };
  await resumeFrom(dir, 10, progress);
  expect(await listCheckpoints(dir)).toEqual([10]);
  expect((await restoreCheckpoint(dir, state(0))).state).toMatchObject({ step: 10, progress });
});

it('is kept as long as it is the best one for any that can be resumed', async () => {
  const best = (step: number) =>
    recordSchema.parse({ ranking: { best: { step, windows: [{ sum: 1, weight: 1 }] } } });
  for (const step of [10, 20, 30, 40, 50]) await save(step, best(20));
  // The two newest ones, and the one that training would go back to.
  expect(await listCheckpoints(dir)).toEqual([20, 40, 50]);
  await save(60, best(60));
  // The one at step 50 still refers to step 20.
  expect(await listCheckpoints(dir)).toEqual([20, 50, 60]);
  await save(70, best(60));
  expect(await listCheckpoints(dir)).toEqual([60, 70]);
});

describe('CheckpointPlan', () => {
  it('writes one if steps take much longer than expected, but not one that takes long itself', () => {
    const plan = new CheckpointPlan(20);
    expect(plan.isDue(5, { unsaved: 150, cost: 1 })).toBe(false);
    expect(plan.isDue(5, { unsaved: 190, cost: 1 })).toBe(true);
    expect(plan.isDue(5, { unsaved: 190, cost: 60 })).toBe(false);
    expect(plan.isDue(5, { unsaved: 1200, cost: 60 })).toBe(true);
  });
  it.each([1, 4, 7, 10, 30, 60, 1000])(
    'keeps those that training may go back to (evaluated every %i)',
    (evalEvery) => {
      const plan = new CheckpointPlan(evalEvery);
      let kept = [0];
      for (let step = 1; step < 300; step += 1) {
        const target = plan.rollbackStep(step);
        // From before the problem, which only shows some steps later, and not too far back.
        expect(kept).toContain(target);
        if (step > PATIENCE) expect(target).toBeLessThan(step - PATIENCE);
        expect(step - target).toBeLessThanOrEqual(54);
        if (step % evalEvery === 0) expect(plan.isDue(step)).toBe(true);
        if (!plan.isDue(step)) continue;
        kept.push(step);
        const outdated = plan.outdated(kept);
        kept = kept.filter((old) => !outdated.includes(old));
        expect(kept.length).toBeLessThanOrEqual(4);
        expect(kept.at(-1)).toBe(step);
      }
    },
  );
});
