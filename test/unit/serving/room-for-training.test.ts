/** When a completion server that is already on the GPU leaves it to a training. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { createRun } from '../../../src/runs/index.ts';
import { trainingWatch } from '../../../src/serving/host/room-for-training.ts';
import { newRun, startEvent, stepEvent, useTemporaryHome } from '../runs/help.ts';

const machine = vi.hoisted(() => ({ run: undefined as string | undefined, free: 0 }));
vi.mock('../../../src/llama-cpp/llama.ts', () => ({
  sharedLlama: () =>
    Promise.resolve({ getVramState: () => Promise.resolve({ total: 10e9, free: machine.free }) }),
}));
vi.mock('../../../src/runs/index.ts', async (original) => ({
  ...(await original<object>()),
  trainingRun: () => Promise.resolve(machine.run === undefined ? undefined : { run: machine.run }),
}));

useTemporaryHome();

const leave = vi.fn<() => boolean>();
let look: () => Promise<void>;
let dir: string;
beforeEach(async () => {
  leave.mockReset().mockReturnValue(true);
  look = trainingWatch(leave);
  const run = await createRun(newRun({ backend: 'webgpu' }));
  ({ dir } = run);
  Object.assign(machine, { run: run.id, free: 5e9 });
});

function happens(...events: object[]): void {
  const time = new Date().toISOString();
  const lines = events.map((event) => `${JSON.stringify({ ...event, time })}\n`);
  appendFileSync(join(dir, 'events.jsonl'), lines.join(''));
}
const plan = (total: number) => ({ type: 'memory', plan: { weights: total }, total, available: 16e9 });
const start = { ...startEvent(0), backend: 'webgpu' };

/** How often it was asked to leave, after one more look. */
async function asked(): Promise<number> {
  await look();
  return leave.mock.calls.length;
}

it('leaves once a plan is announced that does not fit beside it, as soon as no request is being computed', async () => {
  leave.mockReturnValueOnce(false);
  expect(await asked()).toBe(0);
  happens(plan(8e9));
  expect(await asked()).toBe(1);
  expect(await asked()).toBe(2);
  happens(start);
  expect(await asked()).toBe(2);
});

it('stays if the plan fits, also while the training takes what it planned', async () => {
  happens(plan(4e9));
  expect(await asked()).toBe(0);
  machine.free = 1e9;
  happens(start, stepEvent(1));
  expect(await asked()).toBe(0);
});

it('makes way for a resumed run', async () => {
  happens(plan(8e9), start, stepEvent(1));
  expect(await asked()).toBe(0);
  happens(plan(8e9));
  expect(await asked()).toBe(1);
});

it('stays if nothing trains, or not on the GPU', async () => {
  happens(plan(8e9), { ...start, backend: 'wasm' });
  expect(await asked()).toBe(0);
  machine.run = undefined;
  expect(await asked()).toBe(0);
});
