/** A run that left f16, because values of its model are too large for that. */
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
  heldOutSequences: () => windows,
} as unknown as Corpus;

/** `precisions`: in which each text was measured. */
function watched() {
  let precision = 'f16';
  const precisions: string[] = [];
  const model = {
    config: { ...findKnownBase('smollm2-135m')!.shape, vocabularySize: 9 },
    backend: { name: 'webgpu', dispose: () => undefined },
    ...{ parameters: [], slots: [] },
    leaveF16: () => void (precision = 'f32'),
    tokenLosses: async () => (precisions.push(precision), new Float32Array(LENGTH).fill(1)),
  } as unknown as TrainableModel;
  return { model, precisions };
}

async function options() {
  const { dir } = await createRun({
    ...{ name: 'code', folder: 'code', backend: 'webgpu', versions: {} },
    base: { id: 'base', path: 'base.gguf', sha256: '' },
    hyper: hyperSchema.parse({
      ...{ learningRate: 1e-3, steps: STEPS, sequenceLength: LENGTH, precision: 'f16' },
    }),
    evaluation: { heldOutWindows: 4, completions: false },
  });
  const writer = await openRunWriter(dir);
  const { model, precisions } = watched();
  const common = {
    ...{ dir, writer, model, corpus, spec: await readSpec(dir), rate: { perToken: 1, perSecond: 1e9 } },
    signal: new AbortController().signal,
    sequences: { length: LENGTH, perEpoch: 4, at: sequence },
    initial: async () => new Float32Array(),
    phase: async () => undefined,
  };
  return { common, precisions };
}

it('measures the last checkpoint in f32 when it is resumed', async () => {
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
