/** Which strengths are measured, at how many cursors: with models whose losses and KL are known. */
import { expect, it } from 'vitest';
import { MeasuredStrengths } from '../../../src/evaluation/strength/measured.ts';
import type { StrengthItem } from '../../../src/evaluation/strength/task.ts';
import { createItem, type EvaluatedModel } from '../../../src/evaluation/task.ts';
import { charTokenizer, fakeModel, scoreContext, useFolder } from './help.ts';

useFolder();
const FILES = 8;
const tokenizer = { ...charTokenizer, bytesOf: (token: number) => String.fromCharCode(token) };
const ANSWER = '\nword';

const cursors = (from: number, to: number): StrengthItem[] =>
  Array.from({ length: to - from }, (_, at) => ({
    ...createItem(`cursor ${from + at}`, {
      kind: 'cursor' as const,
      ...{ tokens: [...Buffer.from(`${from + at}${ANSWER}`)], counted: ANSWER.length, begun: 0 },
    }),
    document: `file ${(from + at) % FILES}`,
  }));
const texts = [createItem('text', { kind: 'text' as const, tokens: [1, 2] })] as StrengthItem[];

let models = 0;
/** A model that loses `loss` nats a token, changed by `noise` for the cursor of that number. */
function model(loss: number, kl: number, noise: (cursor: number) => number = () => 0) {
  const asked: number[] = [];
  const of: EvaluatedModel = fakeModel({
    digest: String((models += 1)).padEnd(64, 'b'),
    tokenizer: () => Promise.resolve(tokenizer),
    predictions: (tokens, last) => {
      const cursor = parseInt(String.fromCharCode(...tokens));
      asked.push(cursor);
      const losses = new Float32Array(last).fill(loss + noise(cursor));
      return Promise.resolve({ losses, mostLikely: tokens.slice(-last) });
    },
    klFromBase: () => Promise.resolve(Float32Array.of(kl)),
  });
  return { asked, of };
}

/**
 * Measures a base and a result that gains `gain` nats a token at strength .5, in proportion, and has this KL at 1. Its
 * losses are no numbers from the strength `divergesFrom` on.
 */
async function measure(
  gain: number,
  kl: number,
  noise: (cursor: number) => number,
  { until = Infinity, divergesFrom = Infinity, all = 48, isAdapter = true } = {},
) {
  const base = model(2, 0);
  const results = new Map<number, ReturnType<typeof model>>();
  const left: number[] = [];
  const strengths = new MeasuredStrengths(
    {
      base: base.of,
      before: () => Promise.resolve(base.of),
      result: (strength = 1) => {
        const diverges = strength >= divergesFrom;
        const own = { loss: 2 - 2 * strength * gain, kl: diverges ? NaN : kl * strength ** 2 };
        if (!results.has(strength)) results.set(strength, model(own.loss, own.kl, noise));
        return Promise.resolve(results.get(strength)!.of);
      },
    },
    { learned: cursors(0, all), forgotten: texts },
    { ...scoreContext, limit: 0.1, until, isAdapter, least: 16, onScored: (_, more) => left.push(more) },
  );
  await strengths.measure();
  return { strengths, base, results, left };
}
const sometimes = (cursor: number) => (cursor % 3 === 0 ? 0.3 : -0.1);
const placesAt = (strengths: MeasuredStrengths) =>
  Object.fromEntries(strengths.points().map(({ strength, places }) => [strength, places]));

it('measures further cursors where a gain is not certain, and only at the best strength', async () => {
  const { strengths, base, results } = await measure(0.06, 0.3, sometimes);
  expect(base.asked).toEqual(Array.from({ length: 48 }, (_, cursor) => cursor));
  expect(results.get(0.5)!.asked).toHaveLength(48);
  // .75 and 1 would forget too much.
  expect(placesAt(strengths)).toEqual({ 0.5: 48 });
  const [half] = strengths.points();
  // The noise is .033 on average; a token is a byte.
  expect(half!.learned!.value).toBeCloseTo((0.0333 - 0.06) / Math.LN2, 2);
  expect([strengths.before, strengths.best()!.scores].map(({ length }) => length)).toEqual([48, 48]);
});

it.each([
  ['a certain gain', 0.3, 0.3],
  ['none', -0.3, 0.3],
])('does not look again at %s', async (_name, gain, kl) => {
  const { base, left } = await measure(gain, kl, sometimes);
  expect(base.asked).toHaveLength(16);
  expect(left.at(-1)).toBe(0);
});

it('measures no cursors if every strength forgets too much', async () => {
  const { strengths, base } = await measure(0.06, 90, sometimes);
  expect(base.asked).toEqual([]);
  expect(strengths.best()).toBeUndefined();
  expect(strengths.points()[0]).toMatchObject({ strength: 0.5, kl: { value: 22.5 } });
});

it('compares two strengths at the first cursors, and goes on with the better one', async () => {
  const { strengths } = await measure(0.035, 0.17, sometimes);
  // 1 forgets too much; .75 gained more.
  expect(placesAt(strengths)).toEqual({ 0.5: 14, 0.75: 48, 1: undefined });
  expect(strengths.best()!.strength).toBe(0.75);
});

it('measures the least number of cursors, however long it takes', async () => {
  const { strengths } = await measure(0.06, 0.3, sometimes, { until: performance.now() });
  expect(placesAt(strengths)).toEqual({ 0.5: 16 });
  const few = await measure(0.06, 0.3, sometimes, { all: 5 });
  expect(placesAt(few.strengths)).toEqual({ 0.5: 5 });
});

it('measures a whole model at full strength only', async () => {
  const { strengths } = await measure(0.3, 0.05, sometimes, { isAdapter: false });
  expect(placesAt(strengths)).toEqual({ 1: 16 });
});

it('chooses among the strengths at which there are numbers', async () => {
  const { strengths } = await measure(0.3, 0.3, () => 0, { divergesFrom: 0.5 });
  expect(placesAt(strengths)).toEqual({ 0.25: 16 });
});

it('says that a result has diverged if there are none at any', async () => {
  const measuring = measure(0.3, 0.3, () => 0, { divergesFrom: 0 });
  await expect(measuring).rejects.toMatchObject({ code: 'diverged' });
});
