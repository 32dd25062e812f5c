/** The learning rate that a run finds in trials: they change nothing but the rate, and happen once. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { examine } from '../../src/base-models/checksums.ts';
import { findKnownBase } from '../../src/base-models/registry.ts';
import { openTokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { buildCorpus } from '../../src/corpus/index.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import { hyperSchema, type Hyper, type RunSpec } from '../../src/protocol/run.ts';
import { createRun, openRunWriter, readRun, readSpec, type NewRun } from '../../src/runs/index.ts';
import { placeEarlierAdapter } from '../../src/training/continued.ts';
import { exportCheckpoint } from '../../src/training/export-result.ts';
import { rememberedRate, type RateKind } from '../../src/training/learning-rate/found-rates.ts';
import { settleRate, type RateTrialsOptions } from '../../src/training/learning-rate/trials.ts';
import { learningRateAt } from '../../src/training/schedule.ts';
import { trainRun } from '../../src/training/train-run.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { eventsOf, untilIdle, untilEvent } from '../support/trainer.ts';

/** 15% of them are eight for each of three rates. */
const STEPS = 160;
/** Number of steps that are trained. */
const MADE = 5;
let home: string;
let base: RunSpec['base'];
let trainTokens: number;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'forget-me-not-rates-'));
  const path = join(home, 'tiny.gguf');
  await writeTinyModel(path, { seed: 1 });
  base = { id: path, path, sha256: (await examine(path)).sha256 };
  const tokenizer = await openTokenizer(path);
  const folder = 'node_modules/fastify/lib';
  ({ trainTokens } = await buildCorpus({ folder, out: join(home, 'corpus'), tokenizer, seed: 0 }));
  await tokenizer.dispose();
});
beforeEach(async () => vi.stubEnv('FORGET_ME_NOT_HOME', await mkdtemp(join(home, 'data-'))));
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

async function newRun(hyper: Partial<Hyper>, patch: Partial<NewRun> = {}): Promise<string> {
  const { dir } = await createRun({
    name: 'code',
    folder: 'code',
    base,
    hyper: hyperSchema.parse({
      ...{ learningRate: 3e-3, steps: STEPS, sequenceLength: 48, evalEvery: 80 },
      ...hyper,
    }),
    learningRateTrials: true,
    backend: 'wasm',
    evaluation: { heldOutWindows: 8, completions: false },
    versions: {},
    ...patch,
  });
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

/** The key of this run's remembered rate. */
async function kindOf(dir: string): Promise<RateKind> {
  const spec = await readSpec(dir);
  return { ...spec, baseSha256: base.sha256, trainTokens, steps: spec.hyper.steps };
}

async function adapterOf(dir: string): Promise<Buffer> {
  const to = join(dir, 'made.gguf');
  await exportCheckpoint(to, dir, await readSpec(dir), MADE);
  return readFile(to);
}
const found = (events: readonly RunEvent[]) => events.filter((event) => event.type === 'rate');

it.each(['lora', 'full'] as const)('finds a rate and trains as a run with that rate (%s)', async (method) => {
  const learningRate = method === 'lora' ? 3e-3 : 3e-4;
  const dir = await newRun({ method, learningRate });
  const [rate, ...more] = found(await trainUpTo(dir, MADE));
  expect(more).toEqual([]);
  expect(rate).toMatchObject({ steps: 8, why: expect.stringMatching(/^measured in short trials on \d/) });
  expect(rate!.seconds).toBeGreaterThan(0);
  const tried = rate!.trials.map((trial) => trial.learningRate);
  expect(tried).toEqual([learningRate / 3, learningRate, learningRate * 3].map((one) => expect.closeTo(one)));
  expect(tried).toContain(rate!.learningRate);
  for (const { learned, kl } of rate!.trials) {
    expect(learned!.value).toBeLessThan(0);
    expect(kl).toBeGreaterThan(0);
  }
  // The stored spec is unchanged; the run as read has the rate that was found.
  expect((await readSpec(dir)).hyper.learningRate).toBe(learningRate);
  const { spec } = await readRun(dir);
  expect(spec.hyper.learningRate).toBe(rate!.learningRate);
  expect(spec.learningRateReason).toBe(rate!.why);
  expect(await rememberedRate(await kindOf(dir))).toMatchObject({ rate: rate!.learningRate });

  const given = await newRun({ method, learningRate: rate!.learningRate }, { learningRateTrials: false });
  expect(found(await trainUpTo(given, MADE))).toEqual([]);
  if (method === 'lora') expect((await adapterOf(dir)).equals(await adapterOf(given))).toBe(true);
  for (const file of ['parameters.safetensors', 'optimizer.safetensors']) {
    const of = (run: string) => readFile(join(run, 'checkpoints', 'step-000005', file));
    expect((await of(dir)).equals(await of(given)), file).toBe(true);
  }
});

it('keeps its rate when resumed, even from before its first checkpoint', async () => {
  const dir = await newRun({});
  const [rate] = found(await trainUpTo(dir, 2));
  await rm(join(dir, 'checkpoints'), { recursive: true });
  const events = await trainUpTo(dir, MADE);
  expect(found(events)).toEqual([]);
  const first = events.find((event) => event.type === 'step')!;
  const schedule = { ...(await readSpec(dir)).hyper, learningRate: rate!.learningRate };
  expect(first).toMatchObject({ step: 1, learningRate: learningRateAt(1, schedule) });
  expect((await readRun(dir)).state.learningRate).toMatchObject({ rate: rate!.learningRate, why: rate!.why });
});

it('settles on no rate when stopped in the middle of its trials', async () => {
  const dir = await newRun({});
  const writer = await openRunWriter(dir);
  const stop = new AbortController();
  const watching = {
    ...{ stopped: writer.stopped, close: () => writer.close() },
    event: (event: Parameters<typeof writer.event>[0]) => writer.event(event),
    state: (patch: Parameters<typeof writer.state>[0]) => {
      if (patch.phase?.endsWith('step 3 of 8')) stop.abort();
      return writer.state(patch);
    },
  };
  expect(await trainRun(dir, watching, stop.signal)).toBeUndefined();
  await writer.close();
  expect(found((await readRun(dir)).events)).toEqual([]);
  expect((await readRun(dir)).state.learningRate).toBeUndefined();
});

it.each([
  ['few steps', { steps: 40 }, {}, '160 steps', 3e-3],
  // Its length depends on the machine's speed, not on the plan.
  ['seconds', {}, { minutes: 0.01 }, '\\d+ (s|min)', 3e-4],
])('takes the default with a budget of %s, and says why', async (_, hyper, patch, least, learningRate) => {
  const dir = await newRun(hyper, patch);
  const [rate] = found(await trainUpTo(dir, 1));
  expect(rate).toMatchObject({ learningRate, steps: 0, trials: [] });
  expect(rate!.why).toMatch(
    new RegExp(`^the default .*: the budget is too short for trials .* a run of at least ${least}$`),
  );
  const { spec } = await readRun(dir);
  expect(spec).toMatchObject({ hyper: { learningRate }, learningRateReason: rate!.why });
  expect(await rememberedRate(await kindOf(dir))).toBeUndefined();
});

it("takes the default if it falls with the length, which trials of a few steps can't show", async () => {
  const dir = await newRun({ steps: 160 });
  const writer = await openRunWriter(dir);
  // Neither its weights nor its texts are touched.
  const model = { config: findKnownBase('qwen2.5-coder-0.5b')!.shape };
  const options = { dir, spec: await readSpec(dir), writer, model, signal: new AbortController().signal };
  expect(await settleRate(options as unknown as RateTrialsOptions)).toMatchObject({ learningRate: 3e-3 });
  await writer.close();
  const [rate] = found((await readRun(dir)).events);
  expect(rate).toMatchObject({ steps: 0, trials: [], why: expect.stringContaining('needs a lower rate') });
});

it('takes no rate that would forget too much', async () => {
  const evaluation = { heldOutWindows: 8, strength: 'measured' as const, strengthLimit: 1e-9 };
  const [rate] = found(await trainUpTo(await newRun({}, { evaluation }), 1));
  const kls = rate!.trials.map(({ kl }) => kl!);
  expect(rate!.learningRate).toBe(rate!.trials[kls.indexOf(Math.min(...kls))]!.learningRate);
  expect(rate!.learningRate).toBe(1e-3);
  expect(rate!.why).toMatch(/; a higher one would forget too much\)$/);
});

it('counts what the reference adapter that it begins with has forgotten', async () => {
  const before = await newRun({}, { learningRateTrials: false });
  await trainUpTo(before, MADE);
  await adapterOf(before);
  const adapter = join(before, 'made.gguf');
  const { sha256 } = await examine(adapter);
  // Rates at which nothing changes any more.
  const dir = await newRun({ learningRate: 1e-12 }, { reference: { sha256 } });
  await placeEarlierAdapter(dir, await readSpec(dir), adapter);
  const [rate] = found(await trainUpTo(dir, 1));
  expect(rate!.trials).toHaveLength(3);
  for (const { kl } of rate!.trials) expect(kl).toBeGreaterThan(1e-5);
});

it('goes below the lowest rate if that diverges, and does not remember it', async () => {
  const dir = await newRun({ learningRate: 1e30 });
  const [rate] = found(await trainUpTo(dir, 1).catch(async () => (await readRun(dir)).events));
  expect(rate!.trials).toMatchObject([{ learningRate: 3e29, diverged: { why: expect.any(String) } }]);
  expect(rate).toMatchObject({ learningRate: 1e29, why: expect.stringMatching(/^below the lowest/) });
  expect(await rememberedRate(await kindOf(dir))).toBeUndefined();
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
    const few = ['--backend', 'wasm', '--seq', '48', '--steps', '8', '--eval-tasks', 'none', '--detach'];
    const { run, dir } = await place.json<{ run: string; dir: string }>(
      ...['train', code, '--base', base.path, ...few, ...options],
    );
    await untilEvent(dir, ({ type }) => type === 'step');
    await place.json('cancel', run);
    await untilIdle(place.home);
    return { run, dir };
  };

  it('tries rates if none is given or known, and shows the outcome', async () => {
    const { run, dir } = await begin();
    expect(await readSpec(dir)).toMatchObject({ learningRateTrials: true });
    const { stdout } = await place.run('show', run);
    expect(stdout).toMatch(/rate +0\.0003, the default .*: the budget is too short for trials/);
  });

  it.each([['--no-rate-trials'], ['--lr', '1e-3']])('tries no rates with %s', async (...options) => {
    const { dir } = await begin(...options);
    expect(await readSpec(dir)).toMatchObject({ learningRateTrials: false });
    expect(found(await eventsOf(dir))).toEqual([]);
  });
});
