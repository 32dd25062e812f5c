/** Parts of what runs on a generated model have learned. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readItemRows } from '../../src/evaluation/metrics/item-rows.ts';
import { readParts } from '../../src/evaluation/spectrum/part-files.ts';
import { measureParts } from '../../src/evaluation/spectrum/parts.ts';
import type { Hyper, RunSpec } from '../../src/protocol/run.ts';
import { resultStep } from '../../src/runs/index.ts';
import { ratio } from '../../src/statistics/statistics.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { createSmallRun, trainToEnd } from '../support/trainer.ts';

let root: string;
let place: Workplace;
let base: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fmn-spectrum-'));
  place = await Workplace.create();
  // Measurements of this test do not belong in the machine's cache.
  await rm(place.path('data', 'cache'), { force: true });
  process.env['FORGET_ME_NOT_HOME'] = place.home;
  base = join(root, 'base.gguf');
  await writeTinyModel(base, { layers: 2, seed: 1 });
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
  await place.dispose();
});

const near = (actual: number, expected: number, tolerance: number) =>
  expect(Math.abs(actual - expected)).toBeLessThan(tolerance * expected);

describe('parts of a change', () => {
  const trained = async (hyper: Pick<Hyper, 'method' | 'learningRate'>): Promise<string> => {
    const code = await place.code(hyper.method);
    const evaluation = { heldOutWindows: 4, retentionTexts: 2 };
    const hyperparameters = { ...hyper, steps: 6, sequenceLength: 32 };
    const dir = await createSmallRun({ base, code, hyper: hyperparameters, evaluation });
    await trainToEnd(dir);
    return dir;
  };
  const measure = (dir: string, ...asked: string[]) =>
    promisify(execFile)(process.execPath, [resolve('dist/spectrum.mjs'), dir, ...asked], { env: place.env });
  const read = async (dir: string) => {
    const parts = await readParts(dir, await resultStep(dir));
    /** Loss or KL of a part, or of its base. */
    const valueOf = (part: string, metric: string, side: 'before' | 'after' = 'after') => {
      const rows = [
        ...parts
          .get(part)!
          .get(metric === 'loss' ? 'workspace' : 'retention')!
          .values(),
      ];
      return ratio(rows.flatMap(({ parts }) => parts[side][metric] ?? []));
    };
    return { names: [...parts.keys()], valueOf };
  };
  const resultOf = async (dir: string, metric: string) => {
    const task = metric === 'loss' ? 'workspace' : 'retention';
    const rows = [...(await readItemRows(dir, task, await resultStep(dir))).values()];
    return ratio(rows.flatMap(({ parts }) => parts.after[metric] ?? []));
  };

  it('of full fine-tuning: low ranks learn less than the whole, and strength 1 is the result', async () => {
    const dir = await trained({ method: 'full', learningRate: 3e-3 });
    await measure(dir, '--ranks', '2,512');
    const { names, valueOf } = await read(dir);
    // The tiny model has no matrix of rank 512.
    expect(names).toEqual(['linears', 'rank-2']);
    const [base, whole] = [valueOf('linears', 'loss', 'before'), valueOf('linears', 'loss')];
    expect(whole).toBeLessThan(base);
    expect(valueOf('rank-2', 'loss')).toBeGreaterThan(whole);

    await measure(dir, '--strengths', '0.5,1');
    const scaled = await read(dir);
    // model.gguf is rounded to half precision, as is the part.
    for (const metric of ['loss', 'KL from base'])
      near(scaled.valueOf('strength-1', metric), await resultOf(dir, metric), 1e-4);
    const kl = ['strength-0.5', 'strength-1'].map((part) => scaled.valueOf(part, 'KL from base'));
    expect(kl[0]!).toBeGreaterThan(0);
    expect(kl[0]!).toBeLessThan(0.6 * kl[1]!);
    expect((await readdir(join(dir, 'parts'))).filter((name) => name.includes('gguf'))).toEqual([]);

    // Without a checkpoint, the exported model is read.
    const scores = join(place.home, 'cache', 'evaluation');
    for (const folder of [join(dir, 'checkpoints'), join(dir, 'parts'), scores])
      await rm(folder, { recursive: true });
    await measure(dir, '--ranks', '512');
    near((await read(dir)).valueOf('linears', 'loss'), whole, 1e-3);
  });

  it("of LoRA: strengths are measured once, on the run's items", async () => {
    const dir = await trained({ method: 'lora', learningRate: 3e-2 });
    await measure(dir, '--strengths', '0.5');
    const { names, valueOf } = await read(dir);
    expect(names).toEqual(['strength-0.5']);
    const kl = valueOf('strength-0.5', 'KL from base');
    expect(kl).toBeGreaterThan(0);
    expect(kl).toBeLessThan(0.6 * (await resultOf(dir, 'KL from base')));
    const { stdout } = await measure(dir, '--strengths', '0.5');
    expect(stdout).toContain('"total":0');
    await expect(measure(dir, '--strengths', 'x')).rejects.toMatchObject({ code: 2 });
  });

  it('of a run without a result, or whose base has changed, cannot be measured', async () => {
    const hyper = { method: 'full', steps: 6 } as const;
    const dir = await createSmallRun({ base, code: await place.code('untrained'), hyper });
    await expect(measureParts(dir, [{ rank: 2 }])).rejects.toMatchObject({ code: 'run-not-finished' });
    await cp(base, join(dir, 'model.gguf'));
    const spec = JSON.parse(await readFile(join(dir, 'run.json'), 'utf8')) as RunSpec;
    const changed = { ...spec, base: { ...spec.base, sha256: 'ab'.repeat(32) } };
    await writeFile(join(dir, 'run.json'), JSON.stringify(changed));
    await expect(measureParts(dir, [{ rank: 2 }])).rejects.toMatchObject({ code: 'base-checksum' });
  });
});
