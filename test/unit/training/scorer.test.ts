import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startBackend } from '../../../src/tensor/index.ts';
import type { Backend } from '../../../src/tensor/backend.ts';
import { openScorer, scoringPrecision, type Scorer } from '../../../src/training/scorer.ts';
import { klDivergence } from '../../../src/statistics/statistics.ts';
import { exportBetween } from '../../../src/weights/strength.ts';
import { writeTinyAdapter, writeTinyModel } from '../../support/tiny-model.ts';

let dir: string;
let backend: Backend;
const texts = [Int32Array.of(5, 9, 200, 31, 7, 100), Int32Array.of(90, 17, 3)];
const path = (name: string) => join(dir, `${name}.gguf`);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-scorer-'));
  await writeTinyModel(path('base'), { seed: 1 });
  await writeTinyModel(path('result'), { seed: 2 });
  backend = await startBackend('wasm');
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const whole = (): Promise<Scorer> =>
  openScorer({ basePath: path('base'), modelPath: path('result'), backend });

/** Live tensors of one of the models after computing. */
async function scoreOnce(): Promise<number> {
  const scorer = await openScorer({ basePath: path('base'), backend });
  await scorer.tokenLosses(texts[0]!, 'base');
  const live = backend.liveTensors;
  scorer.dispose();
  return live - backend.liveTensors;
}

it('a whole model and its base take turns in memory, and nothing leaks', async () => {
  const before = backend.liveTensors;
  // The rotary angles for two lengths of text, and the head.
  const most = before + (await scoreOnce()) + 8;
  const scorer = await whole();
  for (const which of ['base', 'result', 'base', 'result'] as const) {
    await scorer.tokenLosses(texts[0]!, which);
    expect(backend.liveTensors).toBeLessThan(most);
  }
  await scorer.prepareKl(texts);
  for (const tokens of texts) {
    await scorer.tokenKl(tokens, 'result');
    expect(backend.liveTensors).toBeLessThan(most);
  }
  scorer.dispose();
  expect(backend.liveTensors).toBe(before);
});

it('the KL matches both distributions, whether announced before or not', async () => {
  const scorer = await whole();
  const [base, result] = [
    await scorer.probabilities(texts[0]!, 'base'),
    await scorer.probabilities(texts[0]!, 'result'),
  ];
  const wanted = base.map((row, at) => klDivergence(row, result[at]!));
  expect(Math.max(...wanted)).toBeGreaterThan(1e-3);
  const alone = await scorer.tokenKl(texts[0]!, 'result');
  await scorer.prepareKl(texts);
  const announced = await scorer.tokenKl(texts[0]!, 'result');
  for (const [at, value] of wanted.entries()) {
    expect(alone[at]).toBeCloseTo(value, 4);
    expect(announced[at]).toBe(alone[at]);
  }
  scorer.dispose();
});

it('an earlier adapter takes the place of the result, whose strength is counted from it', async () => {
  await writeTinyAdapter(path('adapter'), path('base'), { seed: 3 });
  await writeTinyAdapter(path('earlier'), path('base'), { seed: 4, alpha: 4 });
  const open = (adapter: string, earlier?: string) =>
    openScorer({
      basePath: path('base'),
      adapterPath: path(adapter),
      backend,
      ...(earlier && { earlierPath: path(earlier) }),
    });
  const lossesOf = async (scorer: Scorer, which: 'base' | 'result' | 'earlier') => [
    ...(await scorer.tokenLosses(texts[0]!, which)),
  ];
  const alone = { adapter: await open('adapter'), earlier: await open('earlier') };
  const [result, earlier] = [
    await lossesOf(alone.adapter, 'result'),
    await lossesOf(alone.earlier, 'result'),
  ];
  expect(earlier).not.toEqual(result);
  await exportBetween(path('between'), { start: path('earlier'), end: path('adapter') }, 0.5);
  const between = await open('between');
  const half = await lossesOf(between, 'result');
  const both = await open('adapter', 'earlier');
  const asEarlier = earlier.map((loss): unknown => expect.closeTo(loss, 4));
  expect(await lossesOf(both, 'earlier')).toEqual(asEarlier);
  expect(await lossesOf(both, 'result')).toEqual(result);
  both.setStrength(0.5);
  expect(await lossesOf(both, 'earlier')).toEqual(asEarlier);
  for (const expected of [half, result, half]) {
    both.setStrength(expected === half ? 0.5 : 1);
    expect(await lossesOf(both, 'result')).toEqual(expected);
  }
  expect(await lossesOf(both, 'base')).toEqual(await lossesOf(alone.adapter, 'base'));
  for (const scorer of [both, between, alone.adapter, alone.earlier]) scorer.dispose();
});

it("scores in the training's precision if the backend has it", () => {
  expect(scoringPrecision({ precisions: ['bf16'] }, 'bf16')).toBe('bf16');
  expect(scoringPrecision({ precisions: ['bf16'] }, 'f32')).toBe('f32');
  expect(scoringPrecision(backend, 'bf16')).toBe('f32');
});

it.each(['base', 'result'] as const)(
  'returns what the %s would write in place of the last tokens',
  async (which) => {
    const scorer = await whole();
    const tokens = texts[0]!;
    const { losses, mostLikely } = await scorer.predictions(tokens, which, 3);
    const rows = (await scorer.probabilities(tokens, which)).slice(-4, -1);
    expect([...mostLikely]).toEqual(rows.map((row) => row.indexOf(Math.max(...row))));
    expect(losses).toEqual(await scorer.tokenLosses(tokens, which, { last: 3 }));
    scorer.dispose();
  },
);
