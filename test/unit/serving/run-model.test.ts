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
import { servedRun } from '../../../src/serving/run-model.ts';

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

describe('the result of a run', () => {
  it('is served under the name of the run once it was checked', async () => {
    await writeRun('lora', 0.001, 'adapter.gguf');
    const file = { name: 'quick-fox', path: join(dir, 'adapter.gguf') };
    expect(await servedRun(dir)).toMatchObject({
      name: 'quick-fox',
      basePath: join(dir, 'base.gguf'),
      adapters: [file],
      models: [],
    });
    await writeRun('full', 0.001, 'model.gguf');
    expect(await servedRun(dir)).toMatchObject({
      adapters: [],
      models: [{ name: 'quick-fox', path: join(dir, 'model.gguf') }],
    });
  });

  it('is refused when the check failed', async () => {
    await writeRun('lora', 0.5, 'adapter.gguf');
    await expect(servedRun(dir)).rejects.toMatchObject({ code: 'adapter-mismatch' });
  });

  it('is refused when it was never checked, or is not there', async () => {
    await writeRun('lora', undefined, 'adapter.gguf');
    await expect(servedRun(dir)).rejects.toMatchObject({ code: 'run-not-finished' });
    await writeRun('full', 0.001);
    await expect(servedRun(dir)).rejects.toMatchObject({ code: 'run-not-finished' });
  });
});
