/** A sweep on a tiny model: its measurements, divergence, stopping and resuming. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openTokenizer } from '../../src/llama-cpp/tokenizer.ts';
import { examine } from '../../src/base-models/checksums.ts';
import { buildCorpus } from '../../src/corpus/index.ts';
import type { RunSpec } from '../../src/protocol/run.ts';
import type { SweepSnapshot } from '../../src/protocol/panel.ts';
import { sweepSpecSchema, type SweptMethod, type Trial } from '../../src/protocol/sweep.ts';
import {
  createSweep,
  findUnfinished,
  readSweep,
  type NewSweep,
  type Sweep,
} from '../../src/training/sweep/store.ts';
import { runSweep } from '../../src/training/sweep/run.ts';
import { knownCosts, TRAINING } from '../../src/training/measured-costs.ts';
import { Workplace } from '../support/cli.ts';
import { HubServer } from '../support/hub-server.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { untilIdle } from '../support/trainer.ts';

const STEPS = 12;
let home: string;
let base: NewSweep['base'];
let corpusDigest: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'forget-me-not-sweep-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(home, 'data'));
  const path = join(home, 'tiny.gguf');
  await writeTinyModel(path, { seed: 1 });
  base = { id: path, path, sha256: (await examine(path)).sha256 };
  const tokenizer = await openTokenizer(path);
  // Enough files for a useful interval: two would not do.
  const folder = 'node_modules/fastify/lib';
  const summary = await buildCorpus({ folder, out: join(home, 'corpus'), tokenizer, seed: 0 });
  corpusDigest = summary.digest;
  await tokenizer.dispose();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

const asked = (methods: SweptMethod[], patch: Partial<NewSweep> = {}): NewSweep => {
  return sweepSpecSchema.omit({ format: true, id: true, createdAt: true }).parse({
    folder: 'code',
    corpusDigest,
    base,
    methods,
    extend: true,
    hyper: { steps: STEPS, sequenceLength: 48 },
    backend: 'wasm',
    heldOutWindows: 4,
    versions: {},
    ...patch,
  });
};
const lora = (...rates: number[]): SweptMethod => ({ method: 'lora', precision: 'f32', rates });
const full = (...rates: number[]): SweptMethod => ({ method: 'full', precision: 'f32', rates });

async function start(methods: SweptMethod[], patch: Partial<NewSweep> = {}): Promise<Sweep> {
  const corpus = join(home, 'copy');
  await cp(join(home, 'corpus'), corpus, { recursive: true });
  return await createSweep(asked(methods, patch), corpus);
}
const never = () => ({ signal: new AbortController().signal });
const trialsIn = async (dir: string) =>
  (await readSweep(dir)).lines.filter((line): line is Trial => line.type === 'trial');

/** Without what depends on when it was measured. */
const timeless = (trial: Trial) => ({ ...trial, time: '', seconds: 0 });

it('finds where each method diverges, and keeps every curve', async () => {
  const { dir } = await start([lora(1e-3, 1e30), full(1e-4, 3)], { heldOutWindows: 24 });
  const results = await runSweep(dir, never());
  expect(results).toMatchObject([
    { method: 'lora', chosen: 1e-3, divergesFrom: 1e30, finished: true },
    { method: 'full', chosen: 1e-4, divergesFrom: 3, finished: true },
  ]);
  // The next run's steps are planned with the speed of the trials.
  const known = await knownCosts({ base, method: 'lora', backend: 'wasm' });
  expect(known(TRAINING)?.seconds).toBeGreaterThan(0);
  for (const { rates } of results) {
    expect(rates[0]!.losses).toHaveLength(STEPS);
    expect(rates[0]!.change!.high).toBeLessThan(0);
    // Ended early.
    expect(rates[1]!.diverged!.step).toBeLessThan(STEPS);
    expect(rates[1]!.losses.length).toBeGreaterThan(0);
    expect(rates[1]!.heldOut).toBeUndefined();
  }
});

it('gives every trial, and the measurement of the base, the same tokens', async () => {
  const hyper = { ...asked([lora(1e-4)]).hyper, batch: 2, accumulate: 2, steps: 4 };
  const { dir } = await start([lora(1e-4, 3e-3), full(1e-5)], { hyper, extend: false });
  const results = await runSweep(dir, never());
  for (const { baseLosses, rates } of results)
    for (const { losses } of rates) {
      // Before its first update, a trial is the base.
      expect(losses[0]).toBeCloseTo(baseLosses[0]!, 4);
      expect(losses[3]).not.toBeCloseTo(baseLosses[3]!, 4);
    }
  expect(results[1]!.baseLosses[0]).toBeCloseTo(results[0]!.baseLosses[0]!, 4);
  expect(results[1]!.base!.value).toBeCloseTo(results[0]!.base!.value, 4);
  // Larger rates end farther from the base.
  const [slow, fast] = results[0]!.rates;
  expect(slow!.kl).toBeGreaterThan(0);
  expect(fast!.kl).toBeGreaterThan(10 * slow!.kl!);
});

it('resumes where it was stopped, to the same results', async () => {
  const methods = [lora(1e-3, 3e-3, 1e-2)];
  const whole = await start(methods, { extend: false });
  await runSweep(whole.dir, never());
  const { dir } = await start(methods, { extend: false });
  const stop = new AbortController();
  const results = await runSweep(dir, {
    signal: stop.signal,
    onProgress: ({ trial, step }) => trial === 2 && step === 3 && stop.abort(),
  });
  expect(results[0]).toMatchObject({ finished: false });
  expect((await trialsIn(dir)).map(({ learningRate }) => learningRate)).toEqual([1e-3]);
  expect((await findUnfinished(asked(methods, { extend: false })))?.dir).toBe(dir);
  const seen: string[] = [];
  await runSweep(dir, {
    ...never(),
    onProgress: ({ trial, trials }) => seen.push(`${trial} of ${trials}`),
  });
  expect(new Set(seen)).toEqual(new Set(['2 of 3', '3 of 3']));
  expect((await trialsIn(dir)).map(timeless)).toEqual((await trialsIn(whole.dir)).map(timeless));
  expect(await findUnfinished(asked(methods, { extend: false }))).toBeUndefined();
});

it('chooses no rate when all diverge, and keeps the curves', async () => {
  const { dir } = await start([full(1e20, 1e30)], { extend: false });
  const [result] = await runSweep(dir, never());
  expect(result).toMatchObject({ finished: true, divergesFrom: 1e20 });
  expect(result!.chosen).toBeUndefined();
  expect((await trialsIn(dir)).every(({ losses, diverged }) => losses.length && diverged)).toBe(true);
});

it('has one owner, and refuses a changed base', async () => {
  const { dir } = await start([lora(1e-3)], { extend: false });
  const stop = new AbortController();
  let begun = () => {};
  const beginning = new Promise<void>((resolve) => (begun = resolve));
  const first = runSweep(dir, { signal: stop.signal, onProgress: () => begun() });
  await beginning;
  await expect(runSweep(dir, never())).rejects.toMatchObject({ code: 'run-locked' });
  stop.abort();
  await first;
  const spec = JSON.parse(await readFile(join(dir, 'sweep.json'), 'utf8')) as { base: { sha256: string } };
  spec.base.sha256 = '0'.repeat(64);
  await writeFile(join(dir, 'sweep.json'), JSON.stringify(spec));
  await expect(runSweep(dir, never())).rejects.toMatchObject({ code: 'base-checksum' });
});

describe('the command', () => {
  let place: Workplace;
  let code: string;
  const small = ['--backend', 'wasm', '--seq', '48', '--steps', '8', '--held-out-windows', '4'];
  beforeAll(async () => {
    place = await Workplace.create();
    code = await place.code();
  });
  afterAll(() => place.dispose());
  const sweep = (...args: string[]) => place.run('sweep', code, '--base', base.path, ...small, ...args);

  it('prints a table, and train uses its result', async () => {
    const { code: exit, stdout } = await sweep('--grid', '1e-3,1e30');
    expect(exit).toBe(0);
    expect(stdout).toMatch(/1e-3 .* stable, chosen\n +1e30 .* diverged at step \d/);
    expect(stdout).toMatch(
      /LoRA: 1e-3 learned as much as the best rate and forgot least; from 1e30 on it diverges/,
    );
    expect(stdout).toMatch(/Full fine-tuning: 1e-4 learned .* forgot least; from 1e29 on/);
    expect(stdout).toMatch(/LoRA's rate is 10 times that of full fine-tuning/);
    const [found] = await place.json<SweepSnapshot[]>('sweeps');
    expect(found!.methods).toMatchObject([{ chosen: 1e-3, divergesFrom: 1e30 }, { chosen: 1e-4 }]);
    expect((await place.run('sweeps')).stdout).toMatch(/ LoRA +1e-3 +2 tried .*\n.* fine-tuning +1e-4 /);
    const { run, dir } = await place.json<{ run: string; dir: string }>(
      ...['train', code, '--base', base.path, '--backend', 'wasm', '--seq', '48', '--detach'],
    );
    await place.json('cancel', run);
    await untilIdle(place.home);
    const spec = JSON.parse(await readFile(join(dir, 'run.json'), 'utf8')) as RunSpec;
    expect(spec).toMatchObject({ id: run, hyper: { learningRate: 1e-3 } });
    expect(spec.learningRateReason).toMatch(/^from the sweep of/);
  });

  it('stops on Ctrl+C, and resumes when repeated', async () => {
    const grid = ['--method', 'lora', '--grid', '1e-4,1e-3', '--steps', '40'];
    const args = ['sweep', code, '--base', base.path, ...small, ...grid];
    const { exit, printed } = await place.interrupt(args, /Trial 2/);
    expect(exit).toBe(0);
    expect(printed).toMatch(/Stopped. Resume with: forget-me-not sweep --resume \S+-sweep-/);
    const { stdout } = await place.run(...args);
    expect(stdout).toMatch(/Resuming sweep \S+: 1 trial is done/);
    expect(stdout).not.toMatch(/Trial 1 /);
    expect(stdout).toMatch(/no rate up to 1e-3 diverged/);
  });

  it('ends with an error and the curves when all rates diverge', async () => {
    const { code: exit, stdout, stderr } = await sweep('--grid', '1e20,1e30', '--method', 'lora', '--json');
    expect(exit).toBe(1);
    expect(stderr).toMatch(/\[diverged\] Every rate of the grid diverges for LoRA, even 1e20 .* lower rates/);
    const [result, error] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(result).toMatchObject({ methods: [{ method: 'lora', rates: [{ verdict: 'diverged' }, {}] }] });
    expect(error).toMatchObject({ error: { code: 'diverged' } });
  });

  it('downloads no more of a data set than its trials read', async () => {
    const rows = Array.from({ length: 8000 }, (_, n) => ({
      text: `row_${n} holds text_${n} that no other_${n} row has_${n}\nand more_${n} of words_${n} that only_${n} it has_${n}\n`,
    }));
    const content = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const hub = await HubServer.start({
      'datasets/team/rows': { 'train-0.jsonl': { content }, 'train-1.jsonl': { content } },
    });
    // This machine's cache, which the place shares, must not get the rows.
    const { home: shared } = place;
    const { HF_ENDPOINT, HF_TOKEN } = process.env;
    const before = { HF_ENDPOINT, HF_TOKEN };
    place.home = place.path('with-hub');
    onTestFinished(async () => {
      place.home = shared;
      for (const [name, value] of Object.entries(before)) vi.stubEnv(name, value);
      await hub.stop();
    });
    vi.stubEnv('HF_ENDPOINT', hub.url);
    vi.stubEnv('HF_TOKEN', '');
    const { code: exit, stderr } = await place.run(
      ...['sweep', '--data', 'team/rows', '--base', base.path, ...small],
      ...['--method', 'lora', '--grid', '1e-4', '--yes'],
    );
    expect(exit, stderr).toBe(0);
    expect(hub.requests.filter(({ host }) => host === 'storage')).toHaveLength(1);
  });

  it.each([
    [['--grid', '1e-4,none'], /\[bad-argument\] .*list of numbers above 0/],
    [['--grid', '0'], /\[bad-argument\] .*list of numbers above 0/],
    [['--steps', '0'], /\[bad-argument\] .*whole number of at least 1/],
    [['--seq', '9999'], /\[bad-argument\] .*longer than the context/],
  ])('refuses %j', async (args, message) => {
    const { code: exit, stderr } = await sweep(...args);
    expect(exit).toBe(1);
    expect(stderr).toMatch(message);
  });

  it.each([
    [['--json'], /\[run-not-found\] There is no sweep "nothing"/],
    [['--grid', '1e-4'], /\[bad-argument\] --grid belongs to a new sweep/],
    [['.'], /\[bad-argument\] \. belongs to a new sweep/],
  ])('refuses --resume nothing %j', async (args, message) => {
    const { code: exit, stderr } = await place.run('sweep', '--resume', 'nothing', ...args);
    expect(exit).toBe(1);
    expect(stderr).toMatch(message);
  });
});
