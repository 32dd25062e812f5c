/** How long a model stays in f32 after values that are too large for f16. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { findKnownBase } from '../../../src/base-models/registry.ts';
import type { Corpus, Sequence } from '../../../src/corpus/index.ts';
import type { TrainableModel } from '../../../src/model/index.ts';
import { hyperSchema } from '../../../src/protocol/run.ts';
import { createRun, openRunWriter, readSpec } from '../../../src/runs/index.ts';
import { CheckpointPlan, recordSchema, saveCheckpoint } from '../../../src/training/checkpoints/store.ts';
import { settleRate, type RateTrialsOptions } from '../../../src/training/learning-rate/trials.ts';
import { progressSchema } from '../../../src/training/loop.ts';
import type { Optimizer } from '../../../src/training/optimizers.ts';
import { Session, type SessionOptions } from '../../../src/training/session.ts';

const STEPS = 160;
const LENGTH = 8;
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'fmn-f16-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', home);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

const sequence = (document: number): Sequence => ({
  tokens: new Int32Array(LENGTH + 1),
  learned: new Uint8Array(LENGTH).fill(1),
  starts: new Int32Array(LENGTH),
  document,
});
const windows = [0, 1, 2, 3].map(sequence);
const corpus = {
  ...{ train: new Int32Array(99), heldOut: new Int32Array(9) },
  unreadSequences: () => windows,
  heldOutSequences: () => windows,
} as unknown as Corpus;

/** Every step overflows, in f32 too. `precisions`: in which each text was measured. */
function overflowing() {
  let precision = 'f16';
  const precisions: string[] = [];
  const model = {
    config: { ...findKnownBase('smollm2-135m')!.shape, vocabularySize: 9 },
    backend: { name: 'webgpu', dispose: () => undefined },
    ...{ parameters: [], slots: [] },
    accumulate: async () => ({ lossSum: NaN, tokens: LENGTH }),
    gradientNorm: async () => NaN,
    zeroGradients: () => undefined,
    leaveF16: () => void (precision = 'f32'),
    returnToF16: () => void (precision = 'f16'),
    tokenLosses: async () => (precisions.push(precision), new Float32Array(LENGTH).fill(1)),
    probabilities: async () => [Float32Array.of(1)],
  } as unknown as TrainableModel;
  return { model, precisions, now: () => precision };
}

async function options() {
  const { dir } = await createRun({
    ...{ name: 'code', folder: 'code', backend: 'webgpu', learningRateTrials: true, versions: {} },
    base: { id: 'base', path: 'base.gguf', sha256: '' },
    hyper: hyperSchema.parse({
      ...{ learningRate: 1e-3, steps: STEPS, sequenceLength: LENGTH, precision: 'f16' },
    }),
    evaluation: { heldOutWindows: 4, completions: false },
  });
  const writer = await openRunWriter(dir);
  const { model, ...seen } = overflowing();
  const common = {
    ...{ dir, writer, model, corpus, spec: await readSpec(dir), rate: { perToken: 1, perSecond: 1e9 } },
    signal: new AbortController().signal,
    sequences: { length: LENGTH, perEpoch: 4, at: sequence },
    initial: async () => new Float32Array(),
    phase: async () => undefined,
  };
  return { common, ...seen };
}

it('is as long as the trial of a rate, not the whole run', async () => {
  const { common, now } = await options();
  const left = vi.spyOn(common.model, 'leaveF16');
  await settleRate(common satisfies RateTrialsOptions);
  await common.writer.close();
  expect(left).toHaveBeenCalled();
  expect(now()).toBe('f16');
});

it('includes measuring the last checkpoint of a resumed run', async () => {
  const { common, precisions } = await options();
  const { dir, model, writer } = common;
  const optimizer = { state: () => new Map(), load: async () => undefined } as unknown as Optimizer;
  const progress = progressSchema.parse({ leftF16: true });
  await saveCheckpoint(
    dir,
    { model, optimizer, backend: 'webgpu' },
    { step: STEPS, progress, record: recordSchema.parse({}), plan: new CheckpointPlan(10) },
  );
  const sizes = {} as SessionOptions['sizes'];
  await new Session({ ...common, optimizer, sizes, backend: model.backend }).train();
  await writer.close();
  expect(new Set(precisions)).toEqual(new Set(['f32']));
});
