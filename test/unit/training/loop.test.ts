import { describe, expect, it } from 'vitest';
import type { Batch, Model } from '../../../src/model/index.ts';
import { hyperSchema, type Hyper } from '../../../src/protocol/run.ts';
import { runLoop, type StepReport } from '../../../src/training/loop.ts';
import type { Optimizer } from '../../../src/training/optimizers.ts';

const tokens = Int32Array.from({ length: 400 }, (_, i) => i % 50);
const hyper = (patch: Partial<Hyper> = {}) =>
  hyperSchema.parse({
    learningRate: 1e-3,
    steps: 6,
    sequenceLength: 16,
    batch: 2,
    accumulate: 2,
    warmup: 0,
    ...patch,
  });

/** Records what the loop asks of it; losses and gradient norms are given. */
function recorder(lossOf: (call: number) => number = () => 3, norm = 0.5) {
  const batches: string[] = [];
  const scales: number[] = [];
  let calls = 0;
  const model = {
    config: { vocabularySize: 50 },
    accumulate: async (
      batch: Batch,
      options: { seed: number[]; lossWeight: number },
    ) => {
      batches.push(`${batch.tokens.join(',')}|${options.seed.join(',')}`);
      const count = batch.rows * batch.length;
      return { lossSum: lossOf(calls++) * count, tokens: count };
    },
    gradientNorm: async () => norm,
    zeroGradients: () => undefined,
  } as unknown as Model;
  const optimizer = {
    step: ({ gradientScale }: { gradientScale: number }) => void scales.push(gradientScale),
  } as unknown as Optimizer;
  return { model, optimizer, batches, scales };
}

async function train(
  r: ReturnType<typeof recorder>,
  patch: Partial<Hyper> = {},
  from = 0,
  signal = new AbortController().signal,
) {
  const reports: StepReport[] = [];
  const last = await runLoop({
    ...r,
    hyper: hyper(patch),
    tokens,
    from,
    signal,
    onStep: async (report) => void reports.push(report),
  });
  return { last, reports };
}

describe('runLoop', () => {
  it('sees the same batches and seeds when it goes on from a step as when it never stopped', async () => {
    const whole = recorder();
    await train(whole);
    const rest = recorder();
    await train(rest, {}, 4);
    expect(whole.batches).toHaveLength(12);
    expect(rest.batches).toEqual(whole.batches.slice(8));
    expect(new Set(whole.batches).size).toBe(12);
  });

  it('scales gradients down to the clipping norm and never up', async () => {
    const above = recorder(() => 3, 4);
    await train(above, { clip: 1 });
    expect(above.scales).toEqual(Array(6).fill(0.25));
    const below = recorder(() => 3, 0.5);
    await train(below, { clip: 1 });
    expect(below.scales).toEqual(Array(6).fill(1));
    const off = recorder(() => 3, 4);
    await train(off, { clip: 0 });
    expect(off.scales).toEqual(Array(6).fill(1));
  });

  it('finishes the step in which it is cancelled and does not begin another', async () => {
    const cancel = new AbortController();
    const r = recorder((call) => {
      if (call === 5) cancel.abort();
      return 3;
    });
    const { last, reports } = await train(r, {}, 0, cancel.signal);
    expect(last).toBe(3);
    expect(reports.map(({ step }) => step)).toEqual([1, 2, 3]);
  });

  it('stops before the update when the loss is no longer a number', async () => {
    const r = recorder((call) => (call >= 4 ? NaN : 3));
    await expect(train(r)).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringContaining('step 3'),
    });
    expect(r.scales).toHaveLength(2);
  });

  it('tells a run that stays far above a uniform guess from one bad batch', async () => {
    const oneBad = recorder((call) => (call === 2 || call === 3 ? 20 : 3));
    expect((await train(oneBad)).last).toBe(6);
    const broken = recorder((call) => (call >= 2 ? 20 : 3));
    await expect(train(broken)).rejects.toMatchObject({ code: 'diverged' });
  });

  it('tells weights that let no gradient through from a text that is known by heart', async () => {
    await expect(train(recorder(() => 3, 0))).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringContaining('no gradient left'),
    });
    expect((await train(recorder(() => 0, 0))).last).toBe(6);
  });
});
