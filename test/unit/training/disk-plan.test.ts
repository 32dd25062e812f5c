import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openGguf } from '../../../src/gguf/index.ts';
import { initialValues, loadModel, readConfig } from '../../../src/model/index.ts';
import { evaluationPlanSchema, hyperSchema, type Hyper } from '../../../src/protocol/run.ts';
import { startBackend } from '../../../src/tensor/index.ts';
import {
  CheckpointPlan,
  recordSchema,
  restoreCheckpoint,
  saveCheckpoint,
} from '../../../src/training/checkpoints/store.ts';
import { planDisk, requireRunSpace } from '../../../src/training/checkpoints/disk.ts';
import { exportResult } from '../../../src/training/export-result.ts';
import { progressSchema } from '../../../src/training/loop.ts';
import { Optimizer } from '../../../src/training/optimizers.ts';
import { tinyWeights } from '../../support/tiny-weights.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';

let dir = '';
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'fmn-disk-'))));
afterEach(() => rm(dir, { recursive: true, force: true }));

const evaluation = evaluationPlanSchema.parse({});
const hyper = (patch: Partial<Hyper> = {}) =>
  hyperSchema.parse({ learningRate: 1e-3, steps: 100, sequenceLength: 8, ...patch });
/** Without the allowance that every run has. */
const planned = (config: Parameters<typeof planDisk>[0], asked: Hyper) =>
  planDisk(config, asked, evaluation) - 100e6;
const progress = progressSchema.parse({});
const record = recordSchema.parse({});

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const found = await Promise.all(names.map((name) => stat(join(folder, name))));
  return found.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}

describe.each([
  ['lora', 'lionw'],
  ['lora', 'adamw'],
  ['full', 'lionw'],
  ['full', 'adamw'],
] as const)('%s with %s', (method, optimizer) => {
  it('writes as much as planned, and starts from the base without copying it', async () => {
    const path = join(dir, 'base.gguf');
    await writeTinyModel(path, { seed: 1, architecture: 'qwen2' });
    const gguf = await openGguf(path);
    const asked = hyper({ method, optimizer, evalEvery: 5, steps: 25 });
    const backend = await startBackend('wasm');
    const model = await loadModel(backend, gguf, asked);
    const moments = new Optimizer(model, asked);
    const initial = (parameter: { name: string; shape: number[] }) => initialValues(gguf, parameter, asked);
    const bits = async () =>
      Buffer.concat(
        await Promise.all(
          model.parameters.map(async ({ name }) => Buffer.from((await model.read(name)).slice().buffer)),
        ),
      );
    const before = await bits();
    const plan = new CheckpointPlan(5);
    const trained = { model, optimizer: moments, backend: 'wasm' };
    await saveCheckpoint(dir, trained, { step: 0, progress, record, plan });
    expect(await sizeOf(join(dir, 'checkpoints'))).toBeLessThan(1000);

    const batch = { rows: 1, length: 8, tokens: Int32Array.from({ length: 9 }, (_, at) => at + 3) };
    await model.accumulate(batch, { seed: [0, 1], lossWeight: 1 });
    moments.step({ learningRate: 1e-3, gradientScale: 1 });
    model.zeroGradients();
    let most = 0;
    for (let step = 5; step <= 25; step += 5) {
      await saveCheckpoint(dir, trained, { step, progress, record, plan });
      most = Math.max(most, await sizeOf(join(dir, 'checkpoints')));
    }
    const spec = { base: { id: 'tiny', path, sha256: '' }, hyper: asked };
    const result = (await stat(join(dir, await exportResult(dir, spec, model)))).size;
    const all = planned(model.config, asked);
    expect(all).toBeGreaterThan(most);
    // For such a small model, names, shapes and the tokenizer take as much as its numbers.
    expect(all).toBeLessThan(2 * (most + 2 * result));

    expect((await bits()).equals(before)).toBe(false);
    // Going back to step 0 restores the initial bits.
    await rm(join(dir, 'checkpoints'), { recursive: true });
    await saveCheckpoint(dir, trained, { step: 0, progress, record, plan });
    await restoreCheckpoint(dir, { model, optimizer: moments, initial }, 0);
    expect((await bits()).equals(before)).toBe(true);
    expect([...moments.state().keys()]).toEqual(['steps']);
    moments.dispose();
    model.dispose();
    await gguf.close();
  });
});

describe('requireRunSpace', () => {
  const large = { layers: 30, width: 576, hiddenWidth: 1536, vocabularySize: 49152 };
  const config = { ...readConfig(tinyWeights()), ...large };
  const full = hyper({ method: 'full', optimizer: 'adamw', evalEvery: 20 });
  const refusal = (asked: Hyper, free: number) =>
    requireRunSpace(dir, { config, hyper: asked, evaluation, free }).then(
      () => undefined,
      (error: { code: string; message: string; next: string }) => error,
    );

  it('rejects in one sentence a run that would fill the disk, and says what helps', async () => {
    const needed = planDisk(config, full, evaluation);
    expect(await refusal(full, needed)).toBeUndefined();
    const { code, message, next } = (await refusal(full, needed - 1))!;
    expect(code).toBe('disk-full');
    expect(message).toMatch(
      /^This run writes up to [\d.]+ GB into \/.*, but only [\d.]+ GB are free there\.$/,
    );
    expect(next).toMatch(/^Free some space, train with --method lora, or set FORGET_ME_NOT_HOME .*\.$/);
    expect(await refusal(hyper(), 1e6)).toMatchObject({ next: expect.not.stringContaining('lora') });
    expect(await refusal(hyper(), needed / 4)).toBeUndefined();
  });

  it('depends on how many are kept: more if any may be the best, fewer in a run with one', () => {
    const bytes = planDisk(config, full, evaluation);
    expect(planDisk(config, full, { ...evaluation, keep: 'best' })).toBeGreaterThan(1.5 * bytes);
    expect(planDisk(config, { ...full, steps: 20 }, evaluation)).toBeLessThan(bytes);
    expect(planDisk(config, { ...full, optimizer: 'lionw' }, evaluation)).toBeLessThan(bytes);
  });
});
