/** The learning rate that a run settles on before its first step. */
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findKnownBase } from '../../../src/base-models/registry.ts';
import { tokensPerStep } from '../../../src/protocol/run.ts';
import { createRun, openRunWriter, readRun, readSpec, type NewRun } from '../../../src/runs/index.ts';
import { settleRate } from '../../../src/training/learning-rate/settle-rate.ts';
import { expectedOperations } from '../../../src/training/run-length.ts';
import { newRun, useTemporaryHome } from '../runs/help.ts';

useTemporaryHome();

const model = { config: findKnownBase('qwen2.5-coder-0.5b')!.shape };
const assumed = { learningRateAssumed: true, minutes: 1 };
/** With a planned rate of 1e-4. */
const create = async (patch: Partial<NewRun>) => (await createRun(newRun(patch))).dir;

/** Settles the rate on a machine that makes so many steps in a minute. */
async function settle(dir: string, stepsPerMinute: number) {
  const spec = await readSpec(dir);
  const perSecond = (stepsPerMinute * tokensPerStep(spec.hyper)) / expectedOperations(60, 1);
  const writer = await openRunWriter(dir);
  const rate = await settleRate({ dir, spec, writer, model, rate: { perToken: 1, perSecond } });
  await writer.close();
  const run = await readRun(dir);
  return { rate, run, events: run.events.filter(({ type }) => type === 'rate') };
}

it('is the default for the steps that this machine makes in the minutes of the run', async () => {
  const dir = await create(assumed);
  const { rate, run, events } = await settle(dir, 280);
  expect(rate).toBe(2.9e-5);
  const why =
    'the default for LoRA with LionW on a base of this size, in a run of this length; {sweep} can find a better one';
  expect(events).toMatchObject([{ learningRate: 2.9e-5, why }]);
  expect(run.spec).toMatchObject({ hyper: { learningRate: 2.9e-5 }, learningRateReason: why });
  expect((await readSpec(dir)).hyper.learningRate).toBe(1e-4);
});

it('is lower for a short run that begins with a reference adapter', async () => {
  const dir = await create({ ...assumed, reference: { sha256: 'ab'.repeat(32) } });
  expect((await settle(dir, 10)).rate).toBe(3e-5);
});

it('is settled once, even if the run is resumed on another machine', async () => {
  const dir = await create(assumed);
  await settle(dir, 280);
  const { rate, events } = await settle(dir, 10);
  expect(rate).toBe(2.9e-5);
  expect(events).toHaveLength(1);
});

it.each([
  ['chosen for it', { minutes: 1 }],
  ['the default for its number of steps', { learningRateAssumed: true }],
])('is the planned one if that was %s', async (_, patch) => {
  const { rate, run, events } = await settle(await create(patch), 280);
  expect(rate).toBe(1e-4);
  expect(events).toEqual([]);
  expect(run.state.learningRate).toBeUndefined();
});

it('is the one that a run of an earlier version found in trials', async () => {
  const dir = await create({ minutes: 1 });
  const path = join(dir, 'run.json');
  const spec = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...spec, learningRateTrials: true }));
  const why = 'measured in short trials on 26 November (of 8 steps each, at 1e-4, 3e-4)';
  const trials = [{ learningRate: 3e-4, learned: { value: -0.1, low: -0.2, high: 0 }, kl: 0.1 }];
  const event = { type: 'rate', time: '', learningRate: 3e-4, why, steps: 8, seconds: 9, trials };
  await appendFile(join(dir, 'events.jsonl'), `${JSON.stringify(event)}\n`);
  const { rate, run, events } = await settle(dir, 280);
  expect(rate).toBe(3e-4);
  expect(events).toHaveLength(1);
  expect(run.spec).toMatchObject({ hyper: { learningRate: 3e-4 }, learningRateReason: why });
});
