/** Which strengths are measured, at how many cursors: with models whose losses and KL are known. */
import { expect, it } from 'vitest';
import { MeasuredStrengths } from '../../../src/evaluation/strength/measured.ts';
import type { StrengthItem } from '../../../src/evaluation/strength/task.ts';
import { chooseCrossFitted } from '../../../src/evaluation/strength/cross-fit.ts';
import { createItem, type EvaluatedModel } from '../../../src/evaluation/task.ts';
import { strengthChoiceSchema } from '../../../src/protocol/evaluation.ts';
import { charTokenizer, fakeModel, scoreContext, useFolder } from './help.ts';

useFolder();
const FILES = 8;
const tokenizer = { ...charTokenizer, bytesOf: (token: number) => String.fromCharCode(token) };
const ANSWER = '\nword';

const cursors = (from: number, to: number): StrengthItem[] =>
  Array.from({ length: to - from }, (_, at) => ({
    ...createItem(`cursor ${from + at}`, {
      kind: 'cursor' as const,
      ...{ tokens: [...Buffer.from(`${from + at}${ANSWER}`)], counted: ANSWER.length, bytes: ANSWER.length },
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
  { end = Infinity, divergesFrom = Infinity } = {},
) {
  const base = model(2, 0);
  const results = new Map<number, ReturnType<typeof model>>();
  const strengths = new MeasuredStrengths(
    {
      base: base.of,
      before: () => Promise.resolve(base.of),
      result: (strength = 1) => {
        const loss = strength < divergesFrom ? 2 - 2 * strength * gain : NaN;
        if (!results.has(strength)) results.set(strength, model(loss, kl * strength ** 2, noise));
        return Promise.resolve(results.get(strength)!.of);
      },
    },
    { ...scoreContext, limit: 0.1, end, onScored: () => undefined },
  );
  await strengths.begin([...cursors(0, 16), ...texts], 0.5, Infinity);
  await strengths.addOthers();
  const more = await strengths.lookAgain(cursors(16, 48));
  return { strengths, more, base, results };
}
const sometimes = (cursor: number) => (cursor % 3 === 0 ? 0.3 : -0.1);

it('measures further cursors where a gain is not certain, and only at the best strength', async () => {
  const { strengths, more, base, results } = await measure(0.06, 0.3, sometimes);
  expect(more).toBe(32);
  expect(base.asked).toEqual(Array.from({ length: 48 }, (_, cursor) => cursor));
  expect(results.get(0.5)!.asked).toHaveLength(48);
  expect(strengths.comparable().map(({ point }) => point.strength)).toEqual([0.5]);
  // .75 and 1 would forget too much.
  expect(strengths.points().map(({ strength }) => strength)).toEqual([0.5]);
  const [half] = strengths.points();
  // The noise is .033 on average; a token is a byte.
  expect(half!.learned.value).toBeCloseTo((0.0333 - 0.06) / Math.LN2, 2);
  expect(strengths.before.learned).toHaveLength(48);
  expect(strengths.before.offered!['exact lines']).toHaveLength(48);
});

it.each([
  ['a certain gain', 0.3, 0.3],
  ['none', -0.3, 0.3],
  ['one that forgets too much', 0.06, 90],
])('does not look again at %s', async (_name, gain, kl) => {
  const { strengths, more, base } = await measure(gain, kl, sometimes);
  expect(more).toBe(0);
  expect(base.asked).toHaveLength(16);
  expect(strengths.comparable()).toHaveLength(strengths.points().length);
});

it('keeps what other strengths showed, and chooses between that strength and none', async () => {
  const { strengths, more } = await measure(0.06, 0.17, sometimes);
  expect(more).toBe(32);
  // 1 forgets too much; .75 gained most within the limit.
  expect(strengths.points().map(({ strength }) => strength)).toEqual([0.5, 0.75, 1]);
  const [lookedAt, ...others] = strengths.comparable();
  expect(others).toEqual([]);
  expect(lookedAt!.point.strength).toBe(0.75);
  expect(lookedAt!.learned).toHaveLength(48);
});

it('measures one strength within the limit, if there is no time', async () => {
  const { strengths, more } = await measure(0.06, 0.05, sometimes, { end: performance.now() });
  expect(strengths.points().map(({ strength }) => strength)).toEqual([0.5]);
  expect(more).toBe(0);
});

it('chooses among the strengths at which there are numbers', async () => {
  const { strengths } = await measure(0.3, 0.3, () => 0, { divergesFrom: 0.5 });
  const path = strengths.points();
  expect(path.map(({ strength }) => strength)).toEqual([0.25]);
  const choice = chooseCrossFitted(strengths.before, strengths.comparable(), 0.1, { points: path });
  expect(strengthChoiceSchema.parse({ ...choice, path, limit: 0.1, setting: '' }).strength).toBe(0.25);
});

it('says that a result has diverged if there are none at any', async () => {
  const measuring = measure(0.3, 0.3, () => 0, { divergesFrom: 0 });
  await expect(measuring).rejects.toMatchObject({ code: 'diverged' });
});
