/** A strength set by hand: the file, the summary, and conflicts with other processes. */
import { mkdir, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { examine } from '../../../src/base-models/checksums.ts';
import { evaluateCheckpoint } from '../../../src/evaluation/evaluate-checkpoint.ts';
import { writeStrength } from '../../../src/evaluation/strength/choose.ts';
import { reportStrength, setStrength } from '../../../src/evaluation/strength/set.ts';
import { addToSummary, readSummary } from '../../../src/evaluation/metrics/summary.ts';
import { withMeasuringLock, withMeasuringMark } from '../../../src/evaluation/measuring-lock.ts';
import { removeLeftovers } from '../../../src/evaluation/temporary-files.ts';
import { importAdapter } from '../../../src/export/import-adapter.ts';
import { writeResultStrength } from '../../../src/training/run-result.ts';
import { readAdapterGguf } from '../../../src/weights/index.ts';
import { trainedAdapter } from '../../../src/weights/strength.ts';
import type { StrengthChoice } from '../../../src/protocol/evaluation.ts';
import { readSpec } from '../../../src/runs/index.ts';
import { lockRun } from '../../../src/runs/lock.ts';
import { writeTinyAdapter, writeTinyModel } from '../../support/tiny-model.ts';
import { useFolder } from './help.ts';

const folder = useFolder();
const around = (value: number) => ({ value, low: value - 0.02, high: value + 0.02 });
const choice: StrengthChoice = {
  decided: 'better',
  strength: 0.5,
  why: 'at strength 0.5 it learned most',
  limit: 0.1,
  path: [
    { strength: 0.5, learned: around(-0.1), kl: around(0.05) },
    { strength: 1, learned: around(0.1), kl: around(0.4) },
  ],
  setting: '48 held-out cursors',
};
const served = { meanKl: 0.001, limit: 0.01, tokens: 96, ok: true };
const metric = { task: 'retention', metric: 'KL from base', value: 0.1, low: 0, high: 1, n: 8, setting: '' };
const comparisons = [
  {
    ...{ task: 'retention', metric: 'KL from base', unit: '', better: 'lower' as const },
    ...{ before: metric, after: metric, difference: around(0.1), significant: true },
  },
];
/** The adapter's original value, as imported. */
const ALPHA = 6;

let dir: string;
let base: { id: string; path: string; sha256: string };
const alpha = async () => (await readAdapterGguf(join(dir, 'adapter.gguf'))).alpha;
const summary = () => readSummary(dir, 1);
const rows = () => join(dir, 'evaluation', 'retention.1.jsonl');

beforeAll(async () => {
  await writeTinyModel(folder.path('base.gguf'), { seed: 1 });
  await writeTinyAdapter(folder.path('adapter.gguf'), folder.path('base.gguf'), { rank: 3, alpha: ALPHA });
  const { path, sha256 } = await examine(folder.path('base.gguf'));
  base = { id: 'tiny', path, sha256 };
});
beforeEach(async () => {
  ({ dir } = await importAdapter({ path: folder.path('adapter.gguf'), base, versions: {} }));
});

/** As after training: measured at the chosen strength. */
async function measured(): Promise<void> {
  await setStrength(dir, 0.5);
  await rm(join(dir, 'evaluation'), { recursive: true });
  await withMeasuringMark(dir, () => addToSummary(dir, 1, { choice, served }));
  await addToSummary(dir, 1, { measured: { task: 'retention', comparisons } });
  await writeFile(rows(), '{}\n');
}

describe('the strength of a result', () => {
  it('is stored in the file, which is otherwise unchanged', async () => {
    const before = await readAdapterGguf(join(dir, 'adapter.gguf'));
    expect(await reportStrength(dir)).toEqual({ strength: 1, chosen: 1 });
    expect(await setStrength(dir, 0.3)).toEqual({ strength: 0.3, chosen: 1, given: 0.3 });
    expect(await readAdapterGguf(join(dir, 'adapter.gguf'))).toEqual({
      ...before,
      alpha: Math.fround(0.3 * ALPHA),
    });
    expect((await summary())!.sentence).toMatch(/^Strength 0\.3 was set by hand\./);
    expect(await setStrength(dir, 'chosen')).toEqual({ strength: 1, chosen: 1 });
    expect(await readAdapterGguf(join(dir, 'adapter.gguf'))).toEqual(before);
  });

  it('discards metrics measured at another one, but not those it was chosen by', async () => {
    await measured();
    await setStrength(dir, 0.75);
    expect(await alpha()).toBe(0.75 * ALPHA);
    expect(await summary()).toEqual({
      step: 1,
      choice,
      givenStrength: 0.75,
      comparisons: [],
      pending: ['humaneval', 'retention'],
      sentence:
        "Strength 0.75 was set by hand. Not measured yet: HumanEval, Forgetting on the base's own text.",
    });
    expect(await readdir(join(dir, 'evaluation'))).toEqual(['summary.json']);
    await setStrength(dir, 'chosen');
    expect(await alpha()).toBe(0.5 * ALPHA);
    expect(await summary()).toMatchObject({ choice, comparisons: [], pending: ['humaneval', 'retention'] });
    expect(await summary()).not.toHaveProperty('givenStrength');
  });

  it('keeps all metrics if it does not change', async () => {
    await measured();
    const before = await readFile(join(dir, 'evaluation', 'summary.json'), 'utf8');
    expect(await setStrength(dir, 0.5)).toEqual({ strength: 0.5, chosen: 0.5, choice });
    expect(await setStrength(dir, 'chosen')).toMatchObject({ strength: 0.5 });
    expect(await readFile(join(dir, 'evaluation', 'summary.json'), 'utf8')).toBe(before);
    expect(await readFile(rows(), 'utf8')).toBe('{}\n');
  });

  it('can be that of training if the base was chosen, and keeps its metrics', async () => {
    const none = { ...choice, decided: 'not better' as const, strength: 0, why: 'it forgot too much' };
    await withMeasuringMark(dir, () => addToSummary(dir, 1, { choice: none, served }));
    await addToSummary(dir, 1, { measured: { task: 'humaneval', comparisons: [] } });
    await addToSummary(dir, 1, { measured: { task: 'retention', comparisons } });
    expect((await summary())!.sentence).toMatch(/^Not offered: it forgot too much/);
    expect(await setStrength(dir, 1)).toMatchObject({ strength: 1, given: 1 });
    expect(await summary()).toMatchObject({ comparisons, served, givenStrength: 1 });
    expect((await summary())!.sentence).toMatch(/^Strength 1 was set by hand\./);
    expect(await setStrength(dir, 'chosen')).not.toHaveProperty('given');
    expect((await summary())!.sentence).toMatch(/^Not offered: it forgot too much/);
  });

  it('is restored by the next evaluator if a killed command left the file unchanged', async () => {
    await setStrength(dir, 0.5);
    await writeTinyAdapter(join(dir, 'adapter.gguf'), base.path, { rank: 3, alpha: ALPHA });
    expect(await reportStrength(dir)).toMatchObject({ strength: 1, given: 0.5 });
    await writeStrength(dir, await readSpec(dir), (await summary())!);
    expect(await reportStrength(dir)).toMatchObject({ strength: 0.5, given: 0.5 });
  });

  it('is the first one until one is chosen, and stays the chosen one when the run is exported again', async () => {
    const run = JSON.parse(await readFile(join(dir, 'run.json'), 'utf8')) as { evaluation: object };
    const evaluation = { ...run.evaluation, strength: 'measured' };
    await writeFile(join(dir, 'run.json'), JSON.stringify({ ...run, evaluation, imported: undefined }));
    const spec = await readSpec(dir);
    const trained = await readFile(join(dir, 'adapter.gguf'));
    await mkdir(join(dir, 'evaluation'));
    const exported = async (summary: object = {}) => {
      await writeFile(join(dir, 'adapter.gguf'), trained);
      await addToSummary(dir, 1, summary);
      await writeResultStrength(dir, spec);
      return reportStrength(dir);
    };
    expect(await exported()).toEqual({ strength: 0.5, chosen: 0.5, open: true });
    // Strengths are measured relative to the adapter as it was trained, and its file is left alone.
    const copy = await trainedAdapter(dir, spec, folder.path('copy.gguf'));
    expect((await readFile(copy)).equals(trained)).toBe(true);
    expect(await reportStrength(dir)).toMatchObject({ strength: 0.5 });
    // A run that was interrupted while it was measured is exported again.
    expect(await exported({ choice: { ...choice, strength: 0.75 } })).toMatchObject({ strength: 0.75 });
    expect(await exported({ choice: { ...choice, strength: 0 } })).toMatchObject({ strength: 1 });
    await setStrength(dir, 0.3);
    expect(await exported()).toMatchObject({ strength: 0.3, given: 0.3 });
    expect(await trainedAdapter(dir, spec, folder.path('copy.gguf'))).toBe(folder.path('copy.gguf'));
  });

  it('is rejected if out of range', async () => {
    for (const wrong of [0, 0.04, 1.01, -1, NaN, Infinity])
      await expect(setStrength(dir, wrong)).rejects.toMatchObject({ code: 'bad-argument' });
    const run = JSON.parse(await readFile(join(dir, 'run.json'), 'utf8')) as { hyper: object };
    const full = { ...run, hyper: { ...run.hyper, method: 'full' } };
    await writeFile(join(dir, 'run.json'), JSON.stringify(full));
    await expect(setStrength(dir, 0.5)).rejects.toMatchObject({ code: 'bad-argument' });
    await writeFile(join(dir, 'run.json'), JSON.stringify(run));
    await rm(join(dir, 'adapter.gguf'));
    await expect(reportStrength(dir)).rejects.toMatchObject({ code: 'run-not-finished' });
  });
});

describe('a run in use', () => {
  it('keeps its strength during training', async () => {
    const lock = await lockRun(dir);
    await expect(setStrength(dir, 0.5)).rejects.toMatchObject({ code: 'run-locked' });
    await lock.release();
    expect(await alpha()).toBe(ALPHA);
  });
  it('keeps its strength during an evaluation, but not after one that died', async () => {
    await withMeasuringMark(dir, async () => {
      await expect(setStrength(dir, 0.5)).rejects.toMatchObject({
        code: 'run-locked',
        message: expect.stringContaining('being measured'),
      });
    });
    const dead = { pid: 2 ** 22 + 7, token: 'aa' };
    await writeFile(join(dir, 'evaluation', `.measuring-${dead.pid}.json`), JSON.stringify(dead));
    expect(await setStrength(dir, 0.5)).toMatchObject({ strength: 0.5 });
  });
  it('is measured by one evaluator at a time, and checked by any', async () => {
    await withMeasuringLock(dir, async () => {
      await expect(withMeasuringLock(dir, () => Promise.resolve())).rejects.toMatchObject({
        code: 'run-locked',
        message: expect.stringContaining('is already being measured'),
      });
    });
    const dead = { pid: 2 ** 22 + 7, token: 'aa' };
    await writeFile(join(dir, 'evaluation', '.measuring.json'), JSON.stringify(dead));
    await withMeasuringLock(dir, () => withMeasuringMark(dir, () => Promise.resolve()));
    expect(await readdir(join(dir, 'evaluation'))).toEqual([]);
  });
  it('is not measured while its strength is being set', async () => {
    const lock = await lockRun(dir, 'Changing the result');
    const measuring = withMeasuringMark(dir, () => Promise.resolve('measured'));
    await expect(measuring).rejects.toMatchObject({ code: 'run-locked' });
    await expect(evaluateCheckpoint(dir, 0)).rejects.toMatchObject({ code: 'run-locked' });
    await lock.release();
    await expect(withMeasuringMark(dir, () => Promise.resolve('measured'))).resolves.toBe('measured');
    expect(await readdir(join(dir, 'evaluation'))).toEqual([]);
  });
  it('keeps the files of evaluators in another container, but not of dead ones', async () => {
    const evaluation = join(dir, 'evaluation');
    await mkdir(evaluation);
    const filesOf = (pid: number) => [`.checkpoint-4-${pid}.gguf`, `.measuring-${pid}.json`] as const;
    const leave = async (pid: number, machine?: string) => {
      const [weights, mark] = filesOf(pid);
      await writeFile(join(evaluation, weights), '');
      await writeFile(join(evaluation, mark), JSON.stringify({ pid, machine, token: 'aa' }));
    };
    const [dead, elsewhere] = [2 ** 22 + 7, 2 ** 22 + 8];
    await leave(dead);
    await leave(elsewhere, 'another');
    await removeLeftovers(dir);
    expect((await readdir(evaluation)).toSorted()).toEqual(filesOf(elsewhere));
    // A live one renews its mark.
    await utimes(join(evaluation, filesOf(elsewhere)[1]), 0, 0);
    await removeLeftovers(dir);
    expect(await readdir(evaluation)).toEqual([]);
  });
});
