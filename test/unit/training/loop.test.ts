import { describe, expect, it, vi } from 'vitest';
import type { SequenceSource } from '../../../src/corpus/tokens/sequences.ts';
import type { Batch, Model } from '../../../src/model/index.ts';
import { hyperSchema, type Hyper } from '../../../src/protocol/run.ts';
import {
  afterRollback,
  progressSchema,
  runLoop,
  type LoopOptions,
  type StepReport,
} from '../../../src/training/loop.ts';
import type { Optimizer } from '../../../src/training/optimizers.ts';
import { english } from '../../../src/text/message.ts';

/** Milliseconds by the clock that stands still while the computer sleeps. */
const clock = vi.hoisted(() => ({ ms: 0 }));
vi.mock('../../../src/platform/machine/awake.ts', () => ({ awakeMs: () => clock.ms }));

const LENGTH = 16;
/** Sequence n begins with token n; all of it counts unless `learned` says otherwise. */
const source = (learned: (index: number) => number = () => LENGTH): SequenceSource => ({
  length: LENGTH,
  perEpoch: 50,
  at: (index) => ({
    tokens: Int32Array.from({ length: LENGTH + 1 }, (_, i) => (i ? i : index)),
    learned: Uint8Array.from({ length: LENGTH }, (_, i) => (i < learned(index) ? 1 : 0)),
    starts: new Int32Array(LENGTH),
  }),
});
const hyper = (patch: Partial<Hyper> = {}) =>
  hyperSchema.parse({
    learningRate: 1e-3,
    steps: 6,
    sequenceLength: LENGTH,
    batch: 2,
    accumulate: 2,
    schedule: 'constant',
    warmup: 0,
    ...patch,
  });

/** Records the calls from the loop; losses (nats per learned token) and gradient norms are given. */
function recorder(lossOf: (call: number) => number = () => 3, norm: (call: number) => number = () => 0.5) {
  const batches: string[] = [];
  const firsts: number[] = [];
  const weights: number[] = [];
  const updates: { learningRate: number; gradientScale: number }[] = [];
  const leftAt: number[] = [];
  let calls = 0;
  const model = {
    config: { vocabularySize: 50 },
    accumulate: async (batch: Batch, options: { seed: number[]; lossWeight: number }) => {
      batches.push(`${batch.tokens.join(',')}|${options.seed.join(',')}`);
      firsts.push(batch.tokens[0]!);
      weights.push(options.lossWeight);
      const count = batch.learned?.reduce((sum, weight) => sum + weight, 0) ?? batch.rows * batch.length;
      return { lossSum: lossOf(calls++) * count, tokens: count };
    },
    gradientNorm: async () => norm(calls),
    zeroGradients: () => undefined,
    leaveF16: () => void leftAt.push(calls),
  } as unknown as Model;
  const optimizer = { step: (update: (typeof updates)[0]) => void updates.push(update) };
  return { model, optimizer: optimizer as unknown as Optimizer, batches, firsts, weights, updates, leftAt };
}

async function train(
  r: ReturnType<typeof recorder>,
  patch: Partial<Hyper> = {},
  more: Partial<LoopOptions> = {},
) {
  const reports: StepReport[] = [];
  const last = await runLoop({
    ...r,
    hyper: hyper(patch),
    sequences: source(),
    from: 0,
    signal: new AbortController().signal,
    onStep: async (report) => void reports.push(report),
    ...more,
  });
  return { last, reports };
}
const scales = ({ updates }: ReturnType<typeof recorder>) =>
  updates.map(({ gradientScale }) => gradientScale);

describe('runLoop', () => {
  it('uses the same batches and seeds when resumed as without interruption', async () => {
    const whole = recorder();
    await train(whole);
    const rest = recorder();
    await train(rest, {}, { from: 4 });
    expect(whole.batches).toHaveLength(12);
    expect(rest.batches).toEqual(whole.batches.slice(8));
    expect(new Set(whole.batches).size).toBe(12);
    expect(whole.firsts).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22]);
  });

  it('measures its steps by a clock that stands still while the computer sleeps', async () => {
    const r = recorder(() => (clock.ms += 2000) && 3);
    const { reports } = await train(r);
    expect(reports.map(({ seconds }) => seconds)).toEqual(Array(6).fill(4));
  });

  it('scales gradients down to the clipping norm and never up', async () => {
    const above = recorder(undefined, () => 4);
    await train(above, { clip: 1 });
    expect(scales(above)).toEqual(Array(6).fill(0.25));
    const below = recorder();
    await train(below, { clip: 1 });
    expect(scales(below)).toEqual(Array(6).fill(1));
    const off = recorder(undefined, () => 4);
    await train(off, { clip: 0 });
    expect(scales(off)).toEqual(Array(6).fill(1));
  });

  it('takes the mean over the learned tokens of the whole step', async () => {
    // Sequences 0 and 1 have 4 learned tokens, 2 and 3 all 16; losses 1 and 3.
    const r = recorder((call) => [1, 3][call % 2]!);
    const { reports } = await train(
      r,
      { steps: 1 },
      { sequences: source((index) => (index < 2 ? 4 : LENGTH)) },
    );
    expect(r.weights).toEqual([1 / 40, 1 / 40]);
    expect(reports[0]).toMatchObject({ loss: (8 * 1 + 32 * 3) / 40, learned: 40, tokens: 64 });
  });

  it('skips micro-batches and steps without learned tokens', async () => {
    const half = recorder();
    await train(half, { steps: 1 }, { sequences: source((index) => (index < 2 ? 0 : LENGTH)) });
    expect(half.firsts).toEqual([2]);
    expect(half.weights).toEqual([1 / 32]);
    const none = recorder();
    const { reports } = await train(
      none,
      { steps: 2 },
      { sequences: source((index) => (index < 4 ? 0 : LENGTH)) },
    );
    expect(none.firsts).toEqual([4, 6]);
    expect(none.updates).toHaveLength(1);
    expect(reports.map(({ learned }) => learned)).toEqual([0, 64]);
  });

  it('starts no other step when cancelled', async () => {
    const cancel = new AbortController();
    const r = recorder((call) => {
      if (call === 5) cancel.abort();
      return 3;
    });
    const { last, reports } = await train(r, {}, { signal: cancel.signal });
    expect(last).toBe(3);
    expect(reports.map(({ step }) => step)).toEqual([1, 2, 3]);
  });

  it('abandons the step in which the model notices that it is cancelled', async () => {
    const cancel = new AbortController();
    const r = recorder((call) => {
      if (call === 5) cancel.abort();
      cancel.signal.throwIfAborted();
      return 3;
    });
    const { last, reports } = await train(r, {}, { signal: cancel.signal });
    expect(last).toBe(2);
    expect(reports.map(({ step }) => step)).toEqual([1, 2]);
    expect(r.updates).toHaveLength(2);
  });

  it('stops before the update if the loss is no longer a number', async () => {
    const r = recorder((call) => (call >= 4 ? NaN : 3));
    await expect(train(r)).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringContaining('step 3'),
    });
    expect(r.updates).toHaveLength(2);
  });
});

describe('goes back', () => {
  const to = 1;
  const back: NonNullable<LoopOptions['rollBack']> = async (step, _, progress) => ({
    step: to,
    progress: afterRollback(progress, step, to, { losses: [], norms: [], bad: 0 }),
  });

  it('past the bad data and at half the rate', async () => {
    // Two micro-batches per step: the loss at step 4 is not a number.
    const r = recorder((call) => (call === 6 ? NaN : 3));
    const { last, reports } = await train(r, {}, { rollBack: back });
    expect(last).toBe(6);
    expect(reports.map(({ step }) => step)).toEqual([1, 2, 3, 2, 3, 4, 5, 6]);
    const rates = reports.map(({ learningRate }) => learningRate / 1e-3);
    expect(rates).toEqual([1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5]);
    // The four steps' sequences once each, then those after them: step 2 reads what step 5 would have read.
    expect(r.firsts).toEqual(Array.from({ length: 18 }, (_, i) => 2 * i));
    expect(reports.at(-1)!.progress).toMatchObject({ rateScale: 0.5, skipped: 3, rollbacks: 1 });
  });

  it('to the same batches and rates if stopped after a rollback', async () => {
    const lossOf = (call: number) => (call === 6 ? NaN : 3);
    const whole = recorder(lossOf);
    const { reports } = await train(whole, {}, { rollBack: back });
    const rest = recorder();
    const { progress, step } = reports.findLast((report) => report.step === 4)!;
    await train(rest, {}, { from: step, progress, rollBack: back });
    expect(rest.batches).toEqual(whole.batches.slice(-4));
    expect(rest.updates).toEqual(whole.updates.slice(-2));
  });

  it('if the state after a step is rejected', async () => {
    let bad = true;
    const onStep = async ({ step }: StepReport) => {
      if (step !== 3 || !bad) return undefined;
      bad = false;
      return 'the held-out loss is no longer a number';
    };
    const whys: string[] = [];
    const rollBack: typeof back = (step, why, progress) => {
      whys.push(`${step}: ${english(why)}`);
      return back(step, why, progress);
    };
    expect((await train(recorder(), {}, { onStep, rollBack })).last).toBe(6);
    expect(whys).toEqual(['3: the held-out loss is no longer a number']);
  });

  it('three times at most', async () => {
    const r = recorder(() => NaN);
    let times = 0;
    const rollBack: typeof back = async (step, _, progress) => {
      times += 1;
      return { step: 0, progress: afterRollback(progress, step, 0, { losses: [], norms: [], bad: 0 }) };
    };
    await expect(train(r, {}, { rollBack })).rejects.toMatchObject({ code: 'diverged' });
    expect(times).toBe(3);
    expect(r.updates).toEqual([]);
  });

  it('nowhere if there is no sound checkpoint', async () => {
    const rollBack = async () => undefined;
    await expect(
      train(
        recorder(() => NaN),
        {},
        { rollBack },
      ),
    ).rejects.toMatchObject({ code: 'diverged' });
  });
});

describe('the loss scale of f16', () => {
  const f16 = { precision: 'f16' } as const;

  it('multiplies the loss, and is removed from the norm and the update', async () => {
    const r = recorder(undefined, () => 2 ** 17);
    const { reports } = await train(r, { ...f16, clip: 1, steps: 1 });
    expect(r.weights[0]).toBe(2 ** 16 / (4 * LENGTH));
    expect(reports[0]).toMatchObject({
      gradientNorm: 2,
      progress: { lossScale: { scale: 2 ** 16, good: 1 } },
    });
    expect(scales(r)).toEqual([1 / 2 / 2 ** 16]);
  });

  it('is halved if a gradient is not finite, and that step is skipped', async () => {
    // Two forward passes per step.
    const r = recorder(undefined, (calls) => (calls === 4 || calls === 6 ? Infinity : 1));
    const { reports, last } = await train(r, f16);
    expect(last).toBe(6);
    expect(reports.map(({ skippedTo }) => skippedTo)).toEqual([
      undefined,
      2 ** 15,
      2 ** 14,
      undefined,
      undefined,
      undefined,
    ]);
    expect(r.updates).toHaveLength(4);
    expect(r.weights.at(-1)).toBe(2 ** 14 / (4 * LENGTH));
    expect(reports.at(-1)!.progress.lossScale).toEqual({ scale: 2 ** 14, good: 3 });
  });

  it('is doubled after a series of good steps, even across a checkpoint', async () => {
    const progress = progressSchema.parse({ lossScale: { scale: 8, good: 1998 } });
    const { reports } = await train(recorder(), { ...f16, steps: 3 }, { progress });
    expect(reports.map((report) => report.progress.lossScale)).toEqual([
      { scale: 8, good: 1999 },
      { scale: 16, good: 0 },
      { scale: 16, good: 1 },
    ]);
  });

  it.each([
    ['a gradient that is not finite at a scale of 1', { scale: 1, good: 0 }, 3],
    ['a loss that is not a number', { scale: 2 ** 16, good: 0 }, NaN],
  ])(
    'is not blamed for %s: that step is repeated in f32, and all later ones are, too',
    async (_, lossScale, loss) => {
      // Two forward passes each: step 1, step 2 in f16, step 2 in f32.
      const r = recorder(
        (call) => (call === 2 || call === 3 ? loss : 3),
        (calls) => (calls === 4 ? NaN : 0.5),
      );
      const { reports, last } = await train(r, f16, { progress: progressSchema.parse({ lossScale }) });
      expect(last).toBe(6);
      expect(r.updates).toHaveLength(6);
      expect(r.batches[4]).toBe(r.batches[2]);
      expect(r.leftAt).toEqual([4]);
      expect(r.weights.at(-1)).toBe(1 / (4 * LENGTH));
      expect(reports.map(({ progress }) => progress.leftF16)).toEqual([
        undefined,
        true,
        true,
        true,
        true,
        true,
      ]);
      expect(reports.at(-1)!.progress.lossScale).toBeUndefined();
      const rest = recorder();
      await train(rest, f16, { from: 4, progress: reports[3]!.progress });
      expect(rest.leftAt).toEqual([0]);
      expect(rest.weights[0]).toBe(1 / (4 * LENGTH));
    },
  );

  it('does not exist in other precisions', async () => {
    const r = recorder();
    const { reports } = await train(r);
    expect(r.weights[0]).toBe(1 / (4 * LENGTH));
    expect(reports[0]!.progress).not.toHaveProperty('lossScale');
  });

  it('is dropped when a run in f16 continues in f32', async () => {
    const progress = progressSchema.parse({ lossScale: { scale: 8, good: 5 } });
    const r = recorder(
      () => 3,
      (call) => (call > 2 ? Infinity : 0.5),
    );
    await expect(train(r, {}, { progress })).rejects.toMatchObject({ code: 'diverged' });
    expect(r.weights[0]).toBe(1 / (4 * LENGTH));
    expect(r.updates[0]!.gradientScale).toBe(1);
  });

  it('does not affect a run that diverges in f32, too', async () => {
    const nothing = recorder(() => NaN);
    await expect(train(nothing, f16)).rejects.toMatchObject({ code: 'diverged' });
    expect(nothing.leftAt).toEqual([2]);
  });
});
