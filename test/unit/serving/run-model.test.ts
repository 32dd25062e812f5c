import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  corpusPlanSchema,
  hyperSchema,
  evaluationPlanSchema,
  RUN_FORMAT,
  type RunSpec,
} from '../../../src/protocol/run.ts';
import { servedRun } from '../../../src/serving/client/run-model.ts';

let dir: string;
beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'fmn-run-'))));
afterEach(() => rm(dir, { recursive: true, force: true }));

async function writeRun(method: 'lora' | 'full', meanKl?: number, artefact?: string) {
  const spec: RunSpec = {
    format: RUN_FORMAT,
    id: 'quick-fox',
    name: 'quick fox',
    createdAt: new Date(0).toISOString(),
    folder: dir,
    corpus: corpusPlanSchema.parse({}),
    base: { id: 'tiny', path: join(dir, 'base.gguf'), sha256: '0'.repeat(64) },
    hyper: hyperSchema.parse({ method, learningRate: 1e-4, steps: 1 }),
    backend: 'auto',
    evaluation: evaluationPlanSchema.parse({}),
    versions: {},
  };
  await writeFile(join(dir, 'run.json'), JSON.stringify(spec));
  if (artefact) await writeFile(join(dir, artefact), '');
  await mkdir(join(dir, 'evaluation'), { recursive: true });
  const served = meanKl === undefined ? undefined : { meanKl, limit: 0.01, tokens: 100, ok: meanKl < 0.01 };
  await writeFile(
    join(dir, 'evaluation', 'summary.json'),
    JSON.stringify({ step: 1, sentence: '', comparisons: [], served }),
  );
}

const never = () => Promise.reject(new Error('it was checked before'));

describe('the result of a run', () => {
  it("is served under the run's name once it was checked", async () => {
    await writeRun('lora', 0.001, 'adapter.gguf');
    const file = { name: 'quick-fox', path: join(dir, 'adapter.gguf') };
    expect(await servedRun(dir, never)).toMatchObject({
      name: 'quick-fox',
      basePath: join(dir, 'base.gguf'),
      adapters: [file],
      models: [],
    });
    await writeRun('full', 0.001, 'model.gguf');
    expect(await servedRun(dir, never)).toMatchObject({
      adapters: [],
      models: [{ name: 'quick-fox', path: join(dir, 'model.gguf') }],
    });
  });

  it('is rejected if the check failed', async () => {
    await writeRun('lora', 0.5, 'adapter.gguf');
    await expect(servedRun(dir, never)).rejects.toMatchObject({ code: 'adapter-mismatch' });
  });

  it('is checked first if it never was, and then served or rejected', async () => {
    const checkedAs = (meanKl: number) => () => writeRun('lora', meanKl, 'adapter.gguf');
    await writeRun('lora', undefined, 'adapter.gguf');
    expect(await servedRun(dir, checkedAs(0.001))).toMatchObject({ name: 'quick-fox' });
    await rm(join(dir, 'evaluation'), { recursive: true });
    await expect(servedRun(dir, checkedAs(0.5))).rejects.toMatchObject({ code: 'adapter-mismatch' });
    await rm(join(dir, 'evaluation'), { recursive: true });
    await expect(servedRun(dir, () => Promise.reject(new Error('stopped')))).rejects.toThrow('stopped');
  });

  it('is rejected if it does not exist', async () => {
    await writeRun('full', 0.001);
    await expect(servedRun(dir, never)).rejects.toMatchObject({ code: 'run-not-finished' });
  });
});
