import { appendFile, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { scoreItems, scoreTogether } from '../../../src/evaluation/scoring/score-items.ts';
import { createItem, type EvaluatedModel, type Item, type Task } from '../../../src/evaluation/task.ts';
import { fakeModel, scoreContext, useFolder } from './help.ts';

const folder = useFolder();
type Word = Item & { text: string };
const words = (...texts: string[]): Word[] => texts.map((text, i) => createItem(`word ${i}`, { text }));

/** Counts letters, and records the requested items. */
function counting(more: Partial<Task<Word>> = {}) {
  const asked: string[] = [];
  const task: Task<Word> = {
    name: 'letters',
    title: 'Letters',
    version: 1,
    planned: () => 0,
    cost: 1,
    plan: () => Promise.reject(new Error('not planned here')),
    score({ text }) {
      asked.push(text);
      return Promise.resolve({ parts: { letters: { sum: text.length, weight: 1 } }, detail: { text } });
    },
    ...more,
  };
  return { task, asked };
}
let models = 0;
const newModel = (): EvaluatedModel => fakeModel({ digest: String((models += 1)).padEnd(64, 'a') });
const run = async (task: Task<Word>, items: Word[], model: EvaluatedModel, signal?: AbortSignal) => {
  let reported = 0;
  const context = { ...scoreContext, onScore: () => (reported += 1), signal };
  const scores = await scoreItems(task, items, model, context);
  expect(reported).toBe(items.length);
  return scores.map(({ parts }) => parts['letters']!.sum);
};
const cacheOf = (model: EvaluatedModel) =>
  folder.path(`cache/evaluation/${model.digest.slice(0, 32)}/letters.v1.jsonl`);

describe('an item', () => {
  it('is scored once for a model, whatever else is measured with it', async () => {
    const { task, asked } = counting();
    const model = newModel();
    expect(await run(task, words('a', 'bb'), model)).toEqual([1, 2]);
    expect(await run(task, words('ccc', 'bb', 'a'), model)).toEqual([3, 2, 1]);
    expect(asked).toEqual(['a', 'bb', 'ccc']);
  });
  it('is scored again for another model, and with another version of the task', async () => {
    const model = newModel();
    const first = counting();
    await run(first.task, words('a'), model);
    await run(first.task, words('a'), newModel());
    expect(first.asked).toEqual(['a', 'a']);
    const second = counting({ version: 2 });
    await run(second.task, words('a'), model);
    expect(second.asked).toEqual(['a']);
  });
  it('is scored again at another precision', async () => {
    const model = newModel();
    const { task, asked } = counting();
    const rounded: EvaluatedModel = { ...model, precision: () => Promise.resolve('bf16') };
    for (const one of [model, rounded, model, rounded]) await run(task, words('a'), one);
    expect(asked).toEqual(['a', 'a']);
  });
  it('is announced with all other uncached ones before the first is scored', async () => {
    const reported: string[][] = [];
    const { task } = counting({
      prepare: async (items) => void reported.push(items.map(({ text }) => text)),
    });
    const model = newModel();
    for (const texts of [['a'], ['a', 'bb', 'ccc'], ['a', 'bb']]) await run(task, words(...texts), model);
    expect(reported).toEqual([['a'], ['bb', 'ccc']]);
  });
  it('keeps its details in the cache', async () => {
    const model = newModel();
    const context = { ...scoreContext, onScore: () => undefined };
    const first = await scoreItems(counting().task, words('a'), model, context);
    expect(await scoreItems(counting().task, words('a'), model, context)).toEqual(first);
    expect(first[0]!.detail).toEqual({ text: 'a' });
  });
});

describe('a stopped evaluation', () => {
  it('resumes', async () => {
    const model = newModel();
    const stop = new AbortController();
    const { task, asked } = counting();
    const stopping: Task<Word> = {
      ...task,
      score: async (item, ...rest) => {
        const score = await task.score(item, ...rest);
        if (item.text === 'bb') stop.abort();
        return score;
      },
    };
    await expect(run(stopping, words('a', 'bb', 'ccc'), model, stop.signal)).rejects.toThrow('abort');
    expect(asked).toEqual(['a', 'bb']);
    expect(await run(task, words('a', 'bb', 'ccc'), model)).toEqual([1, 2, 3]);
    expect(asked).toEqual(['a', 'bb', 'ccc']);
  });
  it('measures items of partial lines again, and writes on a new line', async () => {
    const model = newModel();
    const { task, asked } = counting();
    await run(task, words('a'), model);
    const whole = await readFile(cacheOf(model), 'utf8');
    await appendFile(cacheOf(model), whole.slice(0, 20));
    await run(task, words('a', 'bb'), model);
    await run(task, words('a', 'bb'), model);
    expect(asked).toEqual(['a', 'bb']);
  });
});

describe('items measured together', () => {
  it('run one after the other, and are cached only for the same models', async () => {
    const asked: string[] = [];
    const { task } = counting({
      scoreTogether({ text }, models) {
        asked.push(text);
        return Promise.resolve(models.map(({ digest }) => ({ parts: { [digest]: { sum: 1, weight: 1 } } })));
      },
    });
    const [base, one, other] = [newModel(), newModel(), newModel()];
    let reported = 0;
    const context = { ...scoreContext, onScore: () => (reported += 1) };
    const first = await scoreTogether(task, words('a', 'bb'), [base, one], context);
    expect(first.map((scores) => scores.map(({ parts }) => Object.keys(parts)[0]))).toEqual([
      [base.digest, base.digest],
      [one.digest, one.digest],
    ]);
    expect(await scoreTogether(task, words('a', 'bb'), [base, one], context)).toEqual(first);
    expect(asked).toEqual(['a', 'bb']);
    await scoreTogether(task, words('a'), [base, other], context);
    expect(asked).toEqual(['a', 'bb', 'a']);
    expect(reported).toBe(10);
  });
});

describe('parallel items', () => {
  it("keep their order, with the task's number running at a time", async () => {
    let atOnce = 0;
    let most = 0;
    const { task } = counting({
      parallel: 3,
      async score({ text }) {
        most = Math.max(most, (atOnce += 1));
        await new Promise((resolve) => setTimeout(resolve, 10 - text.length));
        atOnce -= 1;
        return { parts: { letters: { sum: text.length, weight: 1 } } };
      },
    });
    const texts = ['a', 'bbbbbbb', 'ccc', 'dd', 'eeeee'];
    expect(await run(task, words(...texts), newModel())).toEqual([1, 7, 3, 2, 5]);
    expect(most).toBe(3);
  });
  it('finish before an error of one is thrown', async () => {
    let ended = 0;
    const { task } = counting({
      parallel: 2,
      async score({ text }) {
        if (text === 'bad') throw new Error('bad word');
        await new Promise((resolve) => setTimeout(resolve, 20));
        ended += 1;
        return { parts: {} };
      },
    });
    await expect(run(task, words('good', 'bad', 'never'), newModel())).rejects.toThrow('bad word');
    expect(ended).toBe(1);
  });
});
