/** Training in f16 on WebGPU: products rounded to f16, and the dynamic loss scale. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../src/model/index.ts';
import { hyperSchema, moduleNames } from '../../src/protocol/run.ts';
import { startBackend } from '../../src/tensor/index.ts';
import { startWebgpu } from '../../src/tensor/webgpu/start.ts';
import type { WebgpuBackend } from '../../src/tensor/webgpu/webgpu.ts';
import {
  CheckpointPlan,
  recordSchema,
  restoreCheckpoint,
  saveCheckpoint,
} from '../../src/training/checkpoints/store.ts';
import { progressSchema, runLoop, type LoopProgress, type StepReport } from '../../src/training/loop.ts';
import { Optimizer } from '../../src/training/optimizers.ts';
import { goldenHalfSuite } from '../support/golden-suite.ts';
import { oddShapesSuite } from '../support/odd-shapes-suite.ts';
import { ownHome } from '../support/own-home.ts';
import { tinyTokens, tinyWeights } from '../support/tiny-weights.ts';
import { canTestWebgpu } from '../support/vulkan.ts';

ownHome();
const LENGTH = 20;
const VOCABULARY = 40;

const start = () => startWebgpu('asked for') as Promise<WebgpuBackend>;
const inF16 = async () => {
  const b = await start();
  b.multiplyIn('f16');
  return b;
};

const sequences = {
  length: LENGTH,
  perEpoch: 3,
  at: (index: number) => ({
    tokens: tinyTokens(LENGTH + 1, VOCABULARY, index % 3),
    learned: new Uint8Array(LENGTH).fill(1),
    starts: new Int32Array(LENGTH),
  }),
};

interface Trained {
  reports: StepReport[];
  progress: LoopProgress;
}

/** A tiny model that starts near a uniform guess, because its tied head is small. */
function calmWeights() {
  const source = tinyWeights();
  const head = source.values.get('token_embd.weight')!;
  head.forEach((value, i) => (head[i] = value / 10));
  return source;
}

/** Trains a tiny model, from the checkpoint in `dir` if there is one, and writes a checkpoint there. */
async function train(
  b: WebgpuBackend,
  precision: 'f32' | 'f16',
  to: number,
  { dir, progress: first }: { dir?: string; progress?: LoopProgress } = {},
): Promise<Trained> {
  const lora = { rank: 4, alpha: 8, dropout: 0.1, seed: 3, targets: moduleNames, precision } as const;
  const model = await loadModel(b, calmWeights(), { ...lora, method: 'lora' });
  const hyper = hyperSchema.parse({
    ...{ precision, steps: 40, learningRate: 1e-2, sequenceLength: LENGTH, batch: 2, warmup: 0 },
  });
  const optimizer = new Optimizer(model, hyper);
  const known = dir
    ? (await restoreCheckpoint(dir, { model, optimizer, initial: ({ name }) => model.read(name) })).state
    : undefined;
  let progress = known?.progress ?? first ?? progressSchema.parse({});
  const reports: StepReport[] = [];
  const step = await runLoop({
    ...{ hyper, length: { steps: to }, model, optimizer, sequences, progress },
    from: known?.step ?? 0,
    signal: new AbortController().signal,
    onStep: (report) => {
      reports.push(report);
      progress = report.progress;
      return Promise.resolve();
    },
  });
  const saved = { step, progress, record: recordSchema.parse({}), plan: new CheckpointPlan(2) };
  if (dir) await saveCheckpoint(dir, { model, optimizer, backend: 'webgpu' }, saved);
  optimizer.dispose();
  model.dispose();
  return { reports, progress };
}

async function filesOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'hex')));
  return Object.fromEntries(names.map((name, i) => [name, texts[i]!]));
}

describe.skipIf(!(await canTestWebgpu()))('f16 on WebGPU', () => {
  oddShapesSuite('products of odd shapes', inF16, { tolerance: 1e-2, only: /product/ });
  goldenHalfSuite(start);

  describe('training', () => {
    let b: WebgpuBackend;
    let home: string;
    beforeAll(async () => {
      b = await start();
      home = await mkdtemp(join(tmpdir(), 'fmn-f16-'));
    });
    afterAll(() => rm(home, { recursive: true, force: true }));

    it('is offered only if the adapter supports it', async () => {
      expect(b.precisions).toEqual(['f16']);
      const wasm = await startBackend('wasm');
      const lora = { rank: 4, alpha: 8, dropout: 0, seed: 3, targets: moduleNames } as const;
      await expect(
        loadModel(wasm, tinyWeights(), { ...lora, method: 'lora', precision: 'f16' }),
      ).rejects.toMatchObject({ code: 'bad-argument', message: 'The wasm backend has no f16 here.' });
    });

    it('ends close to training in f32', async () => {
      const [whole, half] = [await train(b, 'f32', 40), await train(b, 'f16', 40)];
      const losses = ({ reports }: Trained) => reports.map(({ loss }) => loss);
      expect(losses(half).at(-1)).toBeLessThan(losses(half)[0]! * 0.9);
      for (const [i, loss] of losses(half).entries())
        expect(Math.abs(loss / losses(whole)[i]! - 1)).toBeLessThan(i === 39 ? 2e-2 : 5e-2);
      expect(losses(half)).not.toEqual(losses(whole));
      expect(half.progress.lossScale).toEqual({ scale: 65536, good: 40 });
      expect(whole.progress.lossScale).toBeUndefined();
    });

    it('skips a step whose gradient overflows, and halves the scale', async () => {
      const tooHigh = progressSchema.parse({ lossScale: { scale: 2 ** 36, good: 5 } });
      const { reports, progress } = await train(b, 'f16', 40, { progress: tooHigh });
      const skipped = reports.filter(({ skippedTo }) => skippedTo);
      expect(skipped.length).toBeGreaterThan(2);
      expect(skipped.map(({ skippedTo }) => skippedTo)).toEqual(skipped.map((_, i) => 2 ** (35 - i)));
      expect(reports.at(-1)!.skippedTo).toBeUndefined();
      expect(reports.at(-1)!.loss).toBeLessThan(reports[0]!.loss * 0.95);
      // Skipped steps update nothing and add no gradient norm.
      expect(progress.watch.norms.length).toBe(Math.min(32, 40 - skipped.length));
      expect(progress.lossScale!.scale).toBe(skipped.at(-1)!.skippedTo);
    });

    it('resumes to the same bytes, loss scale included', async () => {
      const progress = progressSchema.parse({ lossScale: { scale: 2 ** 30, good: 1998 } });
      const [once, twice] = [join(home, 'once'), join(home, 'twice')];
      await train(b, 'f16', 8, { dir: once, progress });
      await train(b, 'f16', 3, { dir: twice, progress });
      const { progress: after } = await train(await start(), 'f16', 8, { dir: twice });
      expect(after.lossScale).toBeDefined();
      const last = join('checkpoints', 'step-000008');
      expect(await filesOf(join(twice, last))).toEqual(await filesOf(join(once, last)));
    });
  });
});
