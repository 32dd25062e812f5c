import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findKnownBase } from '../../../src/base-models/registry.ts';
import { corpusPlanSchema, hyperSchema } from '../../../src/protocol/run.ts';
import type { SweepLine, SweepSpec } from '../../../src/protocol/sweep.ts';
import {
  atLength,
  chooseFrom as choose,
  chooseLearningRate,
  type RateQuestion,
} from '../../../src/training/learning-rate/choose.ts';
import {
  appendLine,
  createSweep,
  findSweep,
  findUnfinished,
  listSweeps,
  readSweep,
  sweepsState,
} from '../../../src/training/sweep/store.ts';
import { baseLine, newSweep, sweepSpec, trial } from './sweep-help.ts';
import { english } from '../../../src/text/message.ts';

const shapeOf = (id: string) => findKnownBase(id)!.shape;
const hyper = hyperSchema.parse({ learningRate: 1, steps: 100 });
const question: RateQuestion = {
  shape: shapeOf('smollm2-135m'),
  baseSha256: 's',
  hyper,
  corpus: corpusPlanSchema.parse({}),
  steps: 100,
};
const full = { ...question, hyper: { ...hyper, method: 'full' as const } };
const finished = [baseLine(), trial(3e-4, -0.1), trial(1e-4, -0.02), trial(1e-3, undefined)];
const sweep = (lines: SweepLine[], patch: Partial<SweepSpec> = {}) => ({
  dir: '',
  spec: sweepSpec(patch),
  lines,
});
const fullGrid: SweepSpec['methods'] = [{ method: 'full', precision: 'f32', rates: [3e-5, 1e-4] }];

/** With the reason in English. */
function chooseFrom(...given: Parameters<typeof choose>) {
  const answer = choose(...given);
  return { ...answer, reason: english(answer.reason) };
}

describe('chooseFrom', () => {
  it('uses the newest sweep with the same base and optimiser', () => {
    const other = sweep([baseLine(), trial(1e-4, -0.1), trial(3e-4, undefined)]);
    const { rate, reason } = chooseFrom([sweep(finished), other], question);
    expect(rate).toBe(3e-4);
    expect(reason).toBe(
      'from the sweep of 25 November, in which 3e-4 learned as much as the best rate and forgot least',
    );
    expect(chooseFrom([other, sweep(finished)], question).rate).toBe(1e-4);
  });
  it('ignores other bases and optimisers, and sweeps that are unfinished or have no stable rate', () => {
    const adamw = { ...sweepSpec().hyper, optimizer: 'adamw' as const };
    for (const unfit of [
      sweep(finished, { base: { id: 'b', path: '/b', sha256: 'other' } }),
      sweep(finished, { hyper: adamw }),
      sweep(finished.slice(0, 2)),
      sweep([baseLine(), trial(1e-4, undefined), trial(3e-4, undefined), trial(1e-3, undefined)], {
        extend: false,
      }),
    ])
      expect(chooseFrom([unfit], question)).toMatchObject({
        rate: 3e-4,
        reason: expect.stringMatching(/^the default/),
      });
  });
  it('applies the 10x rule to the other method, both ways', () => {
    const fullLines = [
      baseLine('full'),
      trial(3e-5, -0.1, { method: 'full' }),
      trial(1e-4, undefined, { method: 'full' }),
    ];
    expect(chooseFrom([sweep(fullLines, { methods: fullGrid })], question)).toMatchObject({
      rate: 3e-4,
      reason: expect.stringMatching(
        /^from 3e-5, .* found for full fine-tuning, by the rule that LoRA needs 10 times/,
      ),
    });
    expect(chooseFrom([sweep(finished)], full).rate).toBe(3e-5);
  });
  it('says if nothing was measured on this base', () => {
    expect(chooseFrom([], question).assumed).toBe(true);
    expect(chooseFrom([sweep(finished)], question).assumed).toBeUndefined();
  });
  it('is lower for a larger base', () => {
    expect(chooseFrom([], question).rate).toBe(3e-4);
    const larger = { ...question, shape: shapeOf('qwen2.5-coder-0.5b') };
    expect(chooseFrom([], larger)).toMatchObject({
      rate: 8e-5,
      reason: expect.stringContaining('base of this size, in a run of this length'),
    });
    expect(chooseFrom([], { ...larger, hyper: { ...full.hyper, optimizer: 'adamw' } }).rate).toBe(8e-6);
  });
  it('is lower for a longer run on such a base, down to a tenth', () => {
    const rateOf = (steps: number, id = 'qwen2.5-coder-0.5b') =>
      chooseFrom([], { ...question, shape: shapeOf(id), steps }).rate;
    expect([10, 80, 160, 280, 10_000].map((steps) => rateOf(steps))).toEqual([
      1e-4, 1e-4, 5e-5, 2.9e-5, 1e-5,
    ]);
    expect(rateOf(10_000, 'smollm2-135m')).toBe(3e-4);
  });
  it('is lower for a short run that begins with a reference adapter', () => {
    const begun = { ...question, shape: shapeOf('qwen2.5-coder-0.5b'), reference: {} };
    const rates = [10, 80, 280, 10_000].map((steps) => chooseFrom([], { ...begun, steps }).rate);
    expect(rates).toEqual([3e-5, 3e-5, 2.9e-5, 1e-5]);
  });
  it("lowers a sweep's rate for a run that begins with a reference adapter, and says so", () => {
    const large = { ...question, shape: shapeOf('qwen2.5-coder-0.5b'), steps: 60 };
    const swept = chooseFrom([sweep(finished)], { ...large, reference: {} });
    expect(swept).toMatchObject({
      rate: 3e-5,
      reason: expect.stringMatching(/, lowered to 3e-5 because the run begins with a reference adapter$/),
    });
    expect(chooseFrom([sweep(finished)], large).rate).toBe(3e-4);
    // By the rule of ten times from 3e-4; the default after a reference adapter is 9e-7.
    expect(chooseFrom([sweep(finished)], { ...large, hyper: full.hyper, reference: {} }).rate).toBe(9e-7);
    expect(chooseFrom([sweep(finished)], { ...question, reference: {} }).rate).toBe(3e-4);
  });
  it('says if a sweep was made with other settings', () => {
    const other = { ...question, hyper: { ...hyper, rank: 64, targets: ['q'], batch: 4 } };
    expect(chooseFrom([sweep(finished)], other).reason).toMatch(
      /measured with rank 16, other target modules and 512 tokens a step/,
    );
    const filled = { ...question, corpus: { ...question.corpus, fimRate: 0.5 } };
    expect(chooseFrom([sweep(finished)], filled).reason).toMatch(/with a fill-in-the-middle rate of 0\)/);
  });
  it("lowers a sweep's rate for a longer run on a large base, like the default", () => {
    const large = { ...question, shape: shapeOf('qwen2.5-coder-0.5b') };
    const swept = (steps: number) => chooseFrom([sweep(finished)], { ...large, steps });
    expect(swept(80)).toMatchObject({ rate: 3e-4, reason: expect.not.stringContaining('lowered') });
    expect(swept(320)).toMatchObject({
      rate: 7.5e-5,
      reason: expect.stringMatching(/, lowered to 7\.5e-5 for 320 steps instead of 12$/),
    });
    expect(chooseFrom([sweep(finished)], { ...question, steps: 320 }).rate).toBe(3e-4);
    const long = { rate: 1e-5, reason: 'the final rate of a run' };
    expect(atLength(long, large.shape, { from: 800, to: 40 })).toEqual(long);
  });
});

describe('sweeps on disk', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'forget-me-not-sweeps-'));
    vi.stubEnv('FORGET_ME_NOT_HOME', home);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(home, { recursive: true });
  });
  const create = async () => {
    const corpus = join(home, 'corpus');
    await mkdir(corpus);
    return await createSweep(newSweep(), corpus);
  };

  it('choose the default without any', async () => {
    expect(await listSweeps()).toEqual([]);
    expect(await chooseLearningRate(question)).toMatchObject({ rate: 3e-4 });
  });

  it('are read back as written, and used', async () => {
    const made = await create();
    for (const line of finished) await appendLine(made, line);
    expect(await readSweep(made.dir)).toEqual(made);
    expect((await findSweep(made.spec.id.slice(0, -2))).spec.id).toBe(made.spec.id);
    expect((await findSweep('latest')).lines).toHaveLength(finished.length);
    expect(english((await chooseLearningRate(question)).reason)).toMatch(/^from the sweep of/);
  });

  it('resume an unfinished one with the same settings, and no other', async () => {
    const made = await create();
    await appendLine(made, baseLine());
    expect((await findUnfinished(newSweep()))?.dir).toBe(made.dir);
    const spelledOut = { ...newSweep(), corpus: { ...newSweep().corpus, data: undefined } };
    expect((await findUnfinished(spelledOut))?.dir).toBe(made.dir);
    expect(await findUnfinished({ ...newSweep(), corpusDigest: 'another text' })).toBeUndefined();
    for (const line of finished.slice(1)) await appendLine(made, line);
    expect(await findUnfinished(newSweep())).toBeUndefined();
  });

  it('detect a change', async () => {
    expect(await sweepsState()).toBe('');
    const made = await create();
    const states = new Set([await sweepsState()]);
    for (const line of finished) states.add((await appendLine(made, line), await sweepsState()));
    expect(states.size).toBe(1 + finished.length);
    await rm(made.dir, { recursive: true });
    expect(await sweepsState()).toBe('');
  });

  it("skip a killed process's partial line and unreadable files", async () => {
    const made = await create();
    await appendLine(made, baseLine());
    await writeFile(join(made.dir, 'trials.jsonl'), '{"type":"trial","lea', { flag: 'a' });
    await appendLine(made, trial(1e-4, -0.1));
    expect((await readSweep(made.dir)).lines).toEqual([baseLine(), trial(1e-4, -0.1)]);
    await mkdir(join(home, 'sweeps', 'broken'));
    await writeFile(join(home, 'sweeps', 'broken', 'sweep.json'), '{');
    expect(await listSweeps()).toHaveLength(1);
    await expect(findSweep('broken')).rejects.toMatchObject({ code: 'run-damaged' });
    await expect(findSweep('nothing')).rejects.toMatchObject({ code: 'run-not-found' });
  });
});
