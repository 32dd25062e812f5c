/** The files written for PyTorch's side of a training, and the events made from its output. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addOptions } from '../../../src/cli/options/add-options.ts';
import type { Sequence } from '../../../src/corpus/tokens/sequences.ts';
import { openGguf, type GgufFile } from '../../../src/gguf/index.ts';
import { hyperSchema } from '../../../src/protocol/run.ts';
import { initialValues } from '../../../src/model/index.ts';
import { specPart, trainOptions } from '../../../src/training/options/index.ts';
import { hasRayTrainJob, writeRayTrainJob } from '../../../src/training/ray-train/job.ts';
import { EventReader, readPhase } from '../../../src/training/ray-train/result.ts';
import { rayPlace } from '../../../src/training/ray-train/run.ts';
import { learningRateAt } from '../../../src/training/schedule.ts';
import { readPeft } from '../../../src/weights/read-peft.ts';
import { exampleOf } from '../../support/option-example.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';

const LENGTH = 8;
const hyper = hyperSchema.parse({
  learningRate: 1e-3,
  rank: 4,
  alpha: 8,
  weightDecay: 0.1,
  steps: 3,
  sequenceLength: LENGTH,
  batch: 2,
});

/** Each token has the window's number. */
const window = (number: number, length = LENGTH): Sequence => ({
  tokens: new Int32Array(length + 1).fill(number),
  learned: new Uint8Array(length).fill(1),
  starts: Int32Array.from({ length }, (_, i) => (i < 4 ? 0 : 4)),
  document: 10 * number,
});

let dir: string;
let base: GgufFile;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-ray-train-'));
  await writeTinyModel(join(dir, 'base.gguf'));
  base = await openGguf(join(dir, 'base.gguf'));
});
afterAll(async () => {
  await base.close();
  await rm(dir, { recursive: true, force: true });
});

const write = (folder: string, more: Partial<typeof hyper> = {}) =>
  writeRayTrainJob(folder, {
    base,
    hyper: { ...hyper, ...more },
    parallel: 'fsdp',
    sequences: { length: LENGTH, perEpoch: Infinity, at: (index) => window(index) },
    heldOut: [window(7), window(9, 5)],
    tokens: { train: 100, heldOut: 20 },
  });

describe('writeRayTrainJob', () => {
  it('writes each step, its rate, and held-out windows of one length', async () => {
    const folder = join(dir, 'lora');
    await write(folder);
    const job = JSON.parse(await readFile(join(folder, 'train.json'), 'utf8')) as Record<string, unknown>;
    expect(job).toMatchObject({ hyper, heldOut: 2, heldOutDocuments: [70, 90] });
    expect(job['rates']).toEqual([1, 2, 3].map((step) => learningRateAt(step, hyper)));
    // LionW's decay does not depend on the peak, and is multiplied by the rate in PyTorch.
    expect(job['optimizer']).toEqual({ name: 'lionw', beta1: 0.9, beta2: 0.95, epsilon: 0, decay: 100 });
    const numbers = async (name: string) => {
      const bytes = await readFile(join(folder, name));
      return Array.from(
        new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
      );
    };
    const tokens = await numbers('train.tokens');
    expect(tokens.filter((_, i) => i % (LENGTH + 1) === 0)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await numbers('train.starts')).toHaveLength(6 * LENGTH);
    expect(await numbers('heldout.tokens')).toHaveLength(2 * (LENGTH + 1));
    const learned = await readFile(join(folder, 'heldout.learned'));
    expect([...learned.subarray(LENGTH)]).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
  });

  it('starts with the adapter that a local run starts with', async () => {
    const { adapter } = await readPeft(join(dir, 'lora', 'initial'), base);
    expect(adapter).toMatchObject({ alpha: 8, architecture: 'llama' });
    expect(adapter.layers).toHaveLength(14);
    for (const { name, a, b, rank, in: width } of adapter.layers) {
      expect(a).toEqual(await initialValues(base, { name: `${name}.lora_a`, shape: [rank, width] }, hyper));
      expect(b.every((value) => value === 0)).toBe(true);
    }
  });

  it('is written again if another version made it', async () => {
    const folder = join(dir, 'older');
    expect(await hasRayTrainJob(folder)).toBe(false);
    await write(folder);
    expect(await hasRayTrainJob(folder)).toBe(true);
    const path = join(folder, 'train.json');
    const job = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, JSON.stringify({ ...job, version: 1 }));
    expect(await hasRayTrainJob(folder)).toBe(false);
  });

  it('uses every setting that --engine does not reject, here or in PyTorch', async () => {
    const filesOf = async (folder: string, more: Partial<typeof hyper>) => {
      await write(join(dir, folder), { schedule: 'inverse-sqrt', ...more });
      const job = JSON.parse(await readFile(join(dir, folder, 'train.json'), 'utf8')) as { hyper?: object };
      delete job.hyper;
      return [job, await readFile(join(dir, folder, 'initial/adapter_config.json'), 'utf8').catch(() => '')];
    };
    const usual = await filesOf('usual', {});
    const folder = 'src/training/ray-train/ray_train';
    const sources = (await readdir(folder)).filter((name) => name.endsWith('.py'));
    const python = (await Promise.all(sources.map((name) => readFile(join(folder, name), 'utf8')))).join('');
    for (const [name, option] of Object.entries(trainOptions)) {
      const { spec, support } = option;
      if (!spec?.startsWith('hyper.') || support.rayTrain !== true) continue;
      const key = spec.slice('hyper.'.length);
      if (python.includes(`hyper["${key}"]`)) continue;
      const options = addOptions(new Command(), { option }).parse(exampleOf(option), { from: 'user' }).opts();
      const kept = specPart('hyper', options)[key];
      expect(await filesOf(name, { [key]: kept }), name).not.toEqual(usual);
    }
  });

  it('rejects f16', async () => {
    await expect(write(join(dir, 'half'), { precision: 'f16' })).rejects.toMatchObject({
      code: 'bad-argument',
    });
  });
});

describe('EventsOfLines', () => {
  const time = '2026-11-27T20:00:00.000Z';
  const held = (step: number, parts: [number, number][]) => ({ type: 'heldOut', time, step, parts });

  it('makes an evaluation from held-out windows, paired with the base', () => {
    const reader = new EventReader([1, 2, 3]);
    const before = reader.toEvent(
      held(0, [
        [20, 10],
        [44, 20],
        [21, 10],
      ]),
    );
    expect(before).toMatchObject({ type: 'evaluation', step: 0, result: { value: 85 / 40, n: 3 } });
    expect(before).not.toHaveProperty('change');
    const after = reader.toEvent(
      held(5, [
        [10, 10],
        [24, 20],
        [11, 10],
      ]),
    );
    expect(after).toMatchObject({ step: 5, result: { value: 45 / 40 }, change: { value: -1 } });
  });

  it('compares with the base after an interruption, as far as it was measured', async () => {
    const folder = await mkdtemp(join(dir, 'begun-'));
    const change = async () => {
      const reader = new EventReader();
      const last = await reader.readEarlier(folder);
      const event = reader.toEvent(held(5, [[10, 10], [24, 20]])); // oxfmt-ignore
      return [last?.step, event.type === 'evaluation' && event.change?.value];
    };
    expect(await change()).toEqual([undefined, undefined]);
    const values = {
      loss: 1,
      learningRate: 1,
      gradientNorm: 1,
      tokensPerSecond: 1,
      peakMemory: 1,
      etaSeconds: 1,
    };
    const step = (number: number) => ({ type: 'step', time, step: number, ...values });
    const lines = [held(0, [[20, 10], [44, 20]]), step(1), step(2), held(2, [[1, 10], [1, 20]])]; // oxfmt-ignore
    await writeFile(
      join(folder, 'lines.jsonl'),
      lines.map((line) => `${JSON.stringify(line)}\n`).join('') + '{"ty',
    );
    expect(await change()).toEqual([2, expect.closeTo(-1)]);
  });

  it('passes other events on, and rejects unknown ones', () => {
    const event = { type: 'warning', time, message: 'slow' };
    expect(new EventReader().toEvent(event)).toEqual(event);
    expect(() => new EventReader().toEvent({ type: 'nonsense', time })).toThrow();
  });
});

it('has a phase while workers wait for room', () => {
  const waiting = { type: 'waiting', time: '2026-11-27T20:00:00.000Z' };
  expect(readPhase({ ...waiting, message: 'The cluster is busy' }, 'Training')).toBe('The cluster is busy');
  expect(readPhase(waiting, 'Training')).toBe('Training');
  expect(readPhase({ ...waiting, type: 'warning', message: 'slow' }, 'Training')).toBeUndefined();
});

it('finds Ray as told by the driver on a cluster', () => {
  expect(rayPlace({})).toEqual({ python: 'python3', local: true });
  // On a cluster's machine, where the data directory is shared.
  expect(rayPlace({ RAY_ADDRESS: 'auto', FORGET_ME_NOT_PYTHON: '/a/python' })).toEqual({
    python: '/a/python',
    local: false,
  });
  const task = {
    RAY_ADDRESS: '10.0.0.1:6379',
    FORGET_ME_NOT_PROCESSORS: '3',
    FORGET_ME_NOT_RAY_NODE: 'ab12',
  };
  const of = (nodes: string) => rayPlace({ ...task, FORGET_ME_NOT_RAY_NODES: nodes });
  expect(of('this')).toEqual({
    python: 'python3',
    local: false,
    here: true,
    reservedProcessors: 3,
    node: 'ab12',
  });
  expect(of('all')).toEqual({
    python: 'python3',
    local: false,
    here: false,
    reservedProcessors: 3,
    node: 'ab12',
  });
});
