import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ScorerProcess } from '../../src/evaluation/scorer/process.ts';
import { openScorer } from '../../src/training/scorer.ts';
import { tinyTokens } from '../support/tiny-weights.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let dir: string;
let paths: { basePath: string; adapterPath: string };
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-scorer-'));
  paths = { basePath: join(dir, 'base.gguf'), adapterPath: join(dir, 'adapter.gguf') };
  await writeTinyModel(paths.basePath, { seed: 3 });
  await writeTinyAdapter(paths.adapterPath, paths.basePath, { seed: 4 });
});
afterAll(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));

const open = () => ScorerProcess.open({ ...paths, backend: 'wasm', precision: 'f32' });

it('gives the same bits as in-process scoring, also at another strength', async () => {
  const tokens = tinyTokens(32, 24);
  const here = await openScorer({ ...paths, backend: 'wasm' });
  const there = await open();
  expect(there.precisions).toEqual([]);
  for (const strength of [1, 0.5]) {
    here.setStrength(strength);
    await there.setStrength(strength);
    for (const which of ['base', 'result'] as const) {
      const options = { last: 7 };
      expect(await there.tokenLosses(tokens, which, options)).toEqual(
        await here.tokenLosses(tokens, which, options),
      );
      expect(await there.predictions(tokens, which, 7)).toEqual(await here.predictions(tokens, which, 7));
      expect(await there.probabilities(tokens, which)).toEqual(await here.probabilities(tokens, which));
    }
    expect(await there.tokenKl(tokens, 'result')).toEqual(await here.tokenKl(tokens, 'result'));
  }
  here.dispose();
  await there.dispose();
  await expect(there.tokenKl(tokens, 'result')).rejects.toThrow('closed');
});

it('reports errors of the model, and its own death, in a sentence', async () => {
  const missing = await ScorerProcess.open({
    ...{ basePath: `${paths.basePath}.none`, backend: 'wasm', precision: 'f32' },
  });
  await expect(missing.tokenKl(tinyTokens(32, 4), 'result')).rejects.toMatchObject({
    code: 'base-not-found',
  });
  await missing.dispose();
  const killed = await open();
  const waiting = killed.tokenLosses(tinyTokens(32, 24), 'base');
  killed['child'].kill('SIGKILL');
  await expect(waiting).rejects.toMatchObject({ code: 'memory' });
  await expect(killed.tokenKl(tinyTokens(32, 4), 'result')).rejects.toMatchObject({ code: 'memory' });
  await killed.dispose();
});
