/** The learning rate of a run that has a budget in minutes and no rate: the default for its length, settled once. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { examine } from '../../src/base-models/checksums.ts';
import { openTokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { buildCorpus } from '../../src/corpus/index.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import { hyperSchema, type RunSpec } from '../../src/protocol/run.ts';
import { createRun, openRunWriter, readRun, readSpec } from '../../src/runs/index.ts';
import { learningRateAt } from '../../src/training/schedule.ts';
import { trainRun } from '../../src/training/train-run.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { eventsOf, untilIdle, untilEvent } from '../support/trainer.ts';

let home: string;
let base: RunSpec['base'];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'forget-me-not-rates-'));
  const path = join(home, 'tiny.gguf');
  await writeTinyModel(path, { seed: 1 });
  base = { id: path, path, sha256: (await examine(path)).sha256 };
  vi.stubEnv('FORGET_ME_NOT_HOME', home);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

async function newRun(): Promise<string> {
  const { dir } = await createRun({
    name: 'code',
    folder: 'code',
    base,
    hyper: hyperSchema.parse({ learningRate: 3e-3, steps: 160, sequenceLength: 48, evalEvery: 80 }),
    learningRateAssumed: true,
    minutes: 10,
    backend: 'wasm',
    evaluation: { heldOutWindows: 8, completions: false },
    versions: {},
  });
  const tokenizer = await openTokenizer(base.path);
  await buildCorpus({ folder: 'node_modules/fastify/lib', out: join(home, 'corpus'), tokenizer, seed: 0 });
  await tokenizer.dispose();
  await cp(join(home, 'corpus'), join(dir, 'corpus'), { recursive: true });
  return dir;
}

/** Trains up to a step, as if cancelled there. Returns the new events. */
async function trainUpTo(dir: string, step: number): Promise<RunEvent[]> {
  const writer = await openRunWriter(dir);
  const stop = new AbortController();
  const { length: before } = (await readRun(dir)).events;
  try {
    const watching = {
      stopped: writer.stopped,
      close: () => writer.close(),
      state: (patch: Parameters<typeof writer.state>[0]) => writer.state(patch),
      async event(event: Parameters<typeof writer.event>[0]) {
        await writer.event(event);
        if (event.type === 'step' && event.step === step) stop.abort();
      },
    };
    await trainRun(dir, watching, stop.signal);
  } finally {
    await writer.close();
  }
  return (await readRun(dir)).events.slice(before);
}

const settled = (events: readonly RunEvent[]) => events.filter((event) => event.type === 'rate');

it('is trained with, and kept when the run is resumed, even from before its first checkpoint', async () => {
  const dir = await newRun();
  const [rate, ...more] = settled(await trainUpTo(dir, 2));
  expect(more).toEqual([]);
  expect(rate).toMatchObject({ learningRate: 3e-4, why: expect.stringMatching(/^the default for LoRA/) });
  await rm(join(dir, 'checkpoints'), { recursive: true });
  const events = await trainUpTo(dir, 2);
  expect(settled(events)).toEqual([]);
  const { steps } = events.find((event) => event.type === 'start')!;
  const first = events.find((event) => event.type === 'step')!;
  const schedule = { ...(await readSpec(dir)).hyper, learningRate: 3e-4, steps };
  expect(first).toMatchObject({ step: 1, learningRate: learningRateAt(1, schedule) });
  // The stored spec is unchanged; the run as read has the rate that was settled on.
  expect((await readSpec(dir)).hyper.learningRate).toBe(3e-3);
  const { spec } = await readRun(dir);
  expect(spec).toMatchObject({ hyper: { learningRate: 3e-4 }, learningRateReason: rate!.why });
});

describe('the train command', () => {
  let place: Workplace;
  let code: string;
  beforeAll(async () => {
    place = await Workplace.create();
    code = await place.code();
  });
  afterAll(() => place.dispose());
  const begin = async (...options: string[]) => {
    const few = ['--backend', 'wasm', '--seq', '48', '--minutes', '5', '--eval-tasks', 'none', '--detach'];
    const { run, dir } = await place.json<{ run: string; dir: string }>(
      ...['train', code, '--base', base.path, ...few, ...options],
    );
    await untilEvent(dir, ({ type }) => type === 'step');
    await place.json('cancel', run);
    await untilIdle(place.home);
    return { run, dir };
  };

  it('has it settled if no rate is given or known, and shows the outcome', async () => {
    const { run, dir } = await begin();
    expect(await readSpec(dir)).toMatchObject({ learningRateAssumed: true });
    expect(settled(await eventsOf(dir))).toHaveLength(1);
    const { stdout } = await place.run('show', run);
    expect(stdout).toMatch(/rate +0\.0003, the default for LoRA/);
  });

  it('uses the given rate', async () => {
    const { dir } = await begin('--lr', '1e-3');
    expect((await readSpec(dir)).learningRateAssumed).toBeUndefined();
    expect(settled(await eventsOf(dir))).toEqual([]);
  });
});
