import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findKnownBase } from '../../../src/base-models/registry.ts';
import { moduleNames } from '../../../src/protocol/run.ts';
import type { SweepLine, SweepSpec } from '../../../src/protocol/sweep.ts';
import { chooseFrom, chooseLearningRate } from '../../../src/training/learning-rate/choose.ts';
import { rememberRate } from '../../../src/training/learning-rate/found-rates.ts';
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

const shapeOf = (id: string) => findKnownBase(id)!.shape;
const question = {
  shape: shapeOf('smollm2-135m'),
  baseSha256: 's',
  method: 'lora' as const,
  optimizer: 'lionw' as const,
  rank: 16,
  targets: [...moduleNames],
  trainTokens: 100_000,
  steps: 100,
};
const finished = [baseLine(), trial(3e-4, -0.1), trial(1e-4, -0.02), trial(1e-3, undefined)];
const sweep = (lines: SweepLine[], patch: Partial<SweepSpec> = {}) => ({
  dir: '',
  spec: sweepSpec(patch),
  lines,
});
const full: SweepSpec['methods'] = [{ method: 'full', precision: 'f32', rates: [3e-5, 1e-4] }];

describe('chooseFrom', () => {
  it('takes the newest sweep of the same base and optimiser', () => {
    const other = sweep([baseLine(), trial(1e-4, -0.1), trial(3e-4, undefined)]);
    const { rate, reason } = chooseFrom([sweep(finished), other], question);
    expect(rate).toBe(3e-4);
    expect(reason).toBe(
      'from the sweep of 25 November, in which 3e-4 learned as much as the best rate and forgot least',
    );
    expect(chooseFrom([other, sweep(finished)], question).rate).toBe(1e-4);
  });
  it('passes over other bases, other optimisers, and what is unfinished or has no stable rate', () => {
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
  it('goes by the 10x rule from the other method, both ways', () => {
    const fullLines = [
      baseLine('full'),
      trial(3e-5, -0.1, { method: 'full' }),
      trial(1e-4, undefined, { method: 'full' }),
    ];
    expect(chooseFrom([sweep(fullLines, { methods: full })], question)).toMatchObject({
      rate: 3e-4,
      reason: expect.stringMatching(
        /^from 3e-5, .* found for full fine-tuning, by the rule that LoRA needs 10 times/,
      ),
    });
    expect(chooseFrom([sweep(finished)], { ...question, method: 'full' }).rate).toBe(3e-5);
  });
  it('takes what the trials of a like run found, unless a sweep of the same method says more', () => {
    const found = { rate: 1e-4, at: '2026-11-26T12:00:00.000Z' };
    const answer = chooseFrom([], question, found);
    expect(answer).toEqual({ rate: 1e-4, reason: 'measured in short trials on 26 November' });
    expect(chooseFrom([sweep(finished)], question, found).rate).toBe(3e-4);
    expect(chooseFrom([sweep(finished)], { ...question, method: 'full' }, found).rate).toBe(1e-4);
  });
  it('says when nothing was measured on this base', () => {
    expect(chooseFrom([], question).assumed).toBe(true);
    expect(chooseFrom([sweep(finished)], question).assumed).toBeUndefined();
  });
  it('takes less where the base is larger', () => {
    expect(chooseFrom([], question).rate).toBe(3e-4);
    const larger = { ...question, shape: shapeOf('qwen2.5-coder-0.5b') };
    expect(chooseFrom([], larger)).toMatchObject({
      rate: 8e-5,
      reason: expect.stringContaining('base of this size, in a run of this length'),
    });
    expect(chooseFrom([], { ...larger, method: 'full', optimizer: 'adamw' }).rate).toBe(8e-6);
  });
  it('takes less where a run on such a base is longer, to a tenth', () => {
    const rateOf = (steps: number, id = 'qwen2.5-coder-0.5b') =>
      chooseFrom([], { ...question, shape: shapeOf(id), steps }).rate;
    expect([10, 80, 160, 280, 10_000].map((steps) => rateOf(steps))).toEqual([
      1e-4, 1e-4, 5e-5, 2.9e-5, 1e-5,
    ]);
    expect(rateOf(10_000, 'smollm2-135m')).toBe(3e-4);
  });
  it('says when the rank or the targets were others', () => {
    expect(chooseFrom([sweep(finished)], { ...question, rank: 64, targets: ['q'] }).reason).toMatch(
      /measured with rank 16 and other target modules/,
    );
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

  it('chooses the default without any', async () => {
    expect(await listSweeps()).toEqual([]);
    expect(await chooseLearningRate(question)).toMatchObject({ rate: 3e-4 });
  });

  it('remembers what trials found for the same base, method, optimiser, size of text and length', async () => {
    await rememberRate(question, { rate: 1e-4, at: '2026-11-26T12:00:00.000Z' });
    expect(await chooseLearningRate(question)).toMatchObject({ rate: 1e-4 });
    expect(await chooseLearningRate({ ...question, trainTokens: 130_000 })).toMatchObject({ rate: 1e-4 });
    expect(await chooseLearningRate({ ...question, steps: 70 })).toMatchObject({ rate: 1e-4 });
    for (const other of [
      { trainTokens: 1_600_000 },
      { steps: 1600 },
      { baseSha256: 'other' },
      { method: 'full' as const },
      { optimizer: 'adamw' as const },
    ])
      expect((await chooseLearningRate({ ...question, ...other })).assumed).toBe(true);
    await rememberRate({ ...question, method: 'full' }, { rate: 1e-5, at: '2026-11-26T12:00:00.000Z' });
    expect((await chooseLearningRate(question)).rate).toBe(1e-4);
    await writeFile(join(home, 'cache', 'learning-rates.json'), '{"half');
    expect((await chooseLearningRate(question)).assumed).toBe(true);
  });

  it('reads back what was written, and goes by it', async () => {
    const made = await create();
    for (const line of finished) await appendLine(made, line);
    expect(await readSweep(made.dir)).toEqual(made);
    expect((await findSweep(made.spec.id.slice(0, -2))).spec.id).toBe(made.spec.id);
    expect((await findSweep('latest')).lines).toHaveLength(finished.length);
    expect((await chooseLearningRate(question)).reason).toMatch(/^from the sweep of/);
  });

  it('goes on with an unfinished sweep of the same, and with no other', async () => {
    const made = await create();
    await appendLine(made, baseLine());
    expect((await findUnfinished(newSweep()))?.dir).toBe(made.dir);
    const spelledOut = { ...newSweep(), corpus: { ...newSweep().corpus, data: undefined } };
    expect((await findUnfinished(spelledOut))?.dir).toBe(made.dir);
    expect(await findUnfinished({ ...newSweep(), corpusDigest: 'another text' })).toBeUndefined();
    for (const line of finished.slice(1)) await appendLine(made, line);
    expect(await findUnfinished(newSweep())).toBeUndefined();
  });

  it('tells that something has changed', async () => {
    expect(await sweepsState()).toBe('');
    const made = await create();
    const states = new Set([await sweepsState()]);
    for (const line of finished) states.add((await appendLine(made, line), await sweepsState()));
    expect(states.size).toBe(1 + finished.length);
    await rm(made.dir, { recursive: true });
    expect(await sweepsState()).toBe('');
  });

  it('passes over the half line of a killed process and what can not be read', async () => {
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
