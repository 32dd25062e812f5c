/** A run whose trainer is killed ends, once resumed, with the same bytes as one that was never interrupted. Needs dist/. */
import { existsSync } from 'node:fs';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { survivingEvents, type RunEvent } from '../../src/protocol/events.ts';
import type { BackendName, Hyper } from '../../src/protocol/run.ts';
import { readState } from '../../src/runs/files.ts';
import { cancelRun, readSpec } from '../../src/runs/index.ts';
import { runCorpus } from '../../src/training/run-corpus.ts';
import type { Workplace } from '../support/cli.ts';
import {
  createSmallRun,
  eventsOf,
  killInTime,
  openTraining,
  processorBackends,
  SOON,
  startTrainer,
  untilIdle,
  untilTrained,
  untilEvent,
} from '../support/trainer.ts';

let place: Workplace;
let base: string;
let code: string;
const backends = await processorBackends();

beforeAll(async () => {
  ({ place, base, code } = await openTraining());
  vi.stubEnv('FORGET_ME_NOT_HOME', place.home);
  // All runs learn from one corpus.
  const spec = await readSpec(await createSmallRun({ base, code, hyper: { steps: 1 } }));
  const { signal } = new AbortController();
  await runCorpus(place.path('corpus'), spec, { signal, phase: async () => undefined });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await place?.dispose();
});

/** Starts a training and returns the run's directory. */
async function train(backend: BackendName, hyper: Partial<Hyper> & Pick<Hyper, 'steps'>): Promise<string> {
  const dir = await createSmallRun({ base, code, hyper, backend });
  await cp(place.path('corpus'), join(dir, 'corpus'), { recursive: true });
  await startTrainer(dir);
  return dir;
}
const resultOf = (dir: string) =>
  ['adapter.gguf', 'model.gguf'].map((name) => join(dir, name)).find((file) => existsSync(file));

/** The result of a run in training. */
async function resultBytes(dir: string): Promise<Buffer> {
  await untilTrained(dir);
  return readFile(resultOf(dir)!);
}

async function resumed(dir: string): Promise<Buffer> {
  await startTrainer(dir);
  return resultBytes(dir);
}

describe.each(backends)('on %s', (backend) => {
  // After step 6, enough steps are left that even a busy machine kills the trainer in time.
  const steps = backend === 'wasm' ? 12 : 20;

  const results = new Map<string, Promise<Buffer>>();
  /** The result of a run that is never interrupted, trained once. */
  function wholeResult(hyper: Partial<Hyper>): Promise<Buffer> {
    const key = JSON.stringify(hyper);
    const result = results.get(key) ?? train(backend, { steps, ...hyper }).then(resultBytes);
    results.set(key, result);
    return result;
  }

  /** A run whose trainer was killed at this event. */
  const killedAt = (sign: (event: RunEvent) => boolean, hyper: Parameters<typeof train>[1]) =>
    killInTime(() => train(backend, hyper), sign);

  it.each<[string, Partial<Hyper>]>([
    ['LoRA, Lion', {}],
    [
      'LoRA, AdamW, batches, accumulation, attention dropout, recomputation',
      {
        ...{ optimizer: 'adamw', batch: 2, accumulate: 2, attentionDropout: 0.1 },
        ...{ schedule: 'constant', recompute: true },
      },
    ],
    [
      'LoRA, some linears, rank-stabilised',
      {
        ...{ targets: ['blk.1.*', 'q'], scaling: 'rank-stabilised' },
        ...{ schedule: 'inverse-sqrt', steps: 16 },
      },
    ],
    ['full, AdamW', { method: 'full', optimizer: 'adamw', learningRate: 1e-4 }],
    [
      'full, Lion, weight decay, attention dropout, accumulation',
      { method: 'full', learningRate: 1e-4, weightDecay: 1e-4, attentionDropout: 0.1, accumulate: 2 },
    ],
  ])('resumes after kill -9 to the same bytes: %s', async (_, hyper) => {
    const whole = await wholeResult(hyper);
    const killed = await killedAt((event) => event.type === 'step' && event.step === 6, { steps, ...hyper });
    expect((await resumed(killed)).equals(whole)).toBe(true);
  });

  it('gives other bytes with another seed', async () => {
    const usual = await wholeResult({});
    expect((await wholeResult({ seed: 1 })).equals(usual)).toBe(false);
  });

  it('rolls back when it diverges, reports it, and resumes after kill -9 to the same bytes', async () => {
    const hyper = { method: 'full', learningRate: 0.1, schedule: 'constant', warmup: 0, steps: 60 } as const;
    const whole = await train(backend, hyper);
    const result = await resultBytes(whole);
    const killed = await killedAt(({ type }) => type === 'rollback', hyper);
    expect((await resumed(killed)).equals(result)).toBe(true);
    const events = await eventsOf(whole);
    const rollback = events.find((event) => event.type === 'rollback')!;
    // Whether loss or gradient shows it first depends on the backend's last bits.
    expect(rollback).toMatchObject({
      rateScale: 0.5,
      why: expect.stringMatching(/loss|gradient/) as string,
    });
    const rates = events.flatMap((event) => (event.type === 'step' ? [event.learningRate] : []));
    expect(rates[0]).toBe(0.1);
    expect(rates.at(-1)).toBeLessThanOrEqual(0.05);
    // The surviving history has every step once.
    const counted = survivingEvents(events).flatMap((event) => (event.type === 'step' ? [event.step] : []));
    expect(counted).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });
});

it('stops without a signal, as on Windows, at a checkpoint of that step, and resumes to the same bytes', async () => {
  const whole = await resultBytes(await train('wasm', { steps: 60 }));
  const dir = await train('wasm', { steps: 60 });
  await untilEvent(dir, ({ type }) => type === 'step', SOON);
  // Paused, because on a busy machine it may be over before it is asked.
  const group = -(await readState(dir)).pid!;
  process.kill(group, 'SIGSTOP');
  const kill = vi.spyOn(process, 'kill');
  try {
    expect(await cancelRun(dir, 'win32')).toBe('asked');
    expect(kill.mock.calls.filter(([, signal]) => signal !== 0)).toEqual([]);
  } finally {
    kill.mockRestore();
    process.kill(group, 'SIGCONT');
  }
  await untilIdle(place.home);
  const { status, step } = await readState(dir);
  expect(status).toBe('cancelled');
  expect(step).toBeLessThan(60);
  expect(await readdir(join(dir, 'checkpoints'))).toContain(`step-${String(step).padStart(6, '0')}`);
  expect((await resumed(dir)).equals(whole)).toBe(true);
});
