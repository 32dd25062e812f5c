/** Measuring with an end: both models answer the same items, and what there is no time for is left. */
import { expect, it } from 'vitest';
import { Evaluation } from '../../../src/evaluation/measure.ts';
import type { Resources } from '../../../src/evaluation/resources.ts';
import { itemOf, type EvaluatedModel, type Item, type Task } from '../../../src/evaluation/task.ts';
import { TimeTable } from '../../../src/evaluation/time.ts';
import { fakeModel, useFolder } from './help.ts';

useFolder();
const COUNT = 40;

function lengths(answered: string[]): Task {
  const items = Array.from({ length: COUNT }, (_, index) => itemOf(`item ${index}`, { index }));
  return {
    name: 'lengths',
    title: 'Lengths',
    version: 1,
    planned: () => 1,
    cost: 1,
    parallel: 32,
    plan: () =>
      Promise.resolve({
        items,
        together: [itemOf('both', {})],
        setting: 'quick',
        measures: [{ metric: 'length', unit: '', better: 'lower' as const }],
      }),
    score(item: Item, model: EvaluatedModel) {
      answered.push(`${model.name} ${item.id}`);
      return Promise.resolve({ parts: { length: { sum: item.id.length, weight: 1 } } });
    },
    scoreTogether: (item, models) =>
      Promise.resolve(models.map(() => ({ parts: { length: { sum: item.id.length, weight: 1 } } }))),
  };
}

/** `left`: seconds; `least`: those that as little as gives a figure takes. */
async function measure(seed: string, { left, least = 0 }: { left?: number; least?: number } = {}) {
  const answered: string[] = [];
  const models = ['base', 'result'].map((name) =>
    fakeModel({ name, digest: `${name}${seed}`.padEnd(64, '0') }),
  );
  const evaluation = new Evaluation([lengths(answered)], {}, { base: models[0]! } as Resources);
  const measured = [];
  const parts = [{ name: 'lengths', title: '', cost: 60, least }];
  const table = left === undefined ? undefined : new TimeTable(parts, performance.now() + 1000 * left);
  for await (const one of evaluation.measure(models, undefined, table)) measured.push(one);
  if (measured.length === 0) return undefined;
  const [{ counts, cut, of }] = measured as [(typeof measured)[0]];
  const idsOf = (name: string) =>
    answered.filter((one) => one.startsWith(name)).map((one) => one.slice(name.length + 1));
  return { setting: counts[0]!.measured.setting, cut, items: of!.items, scores: of!.scores, idsOf };
}

it('has all items where there is no end', async () => {
  const { setting, cut, items, scores, idsOf } = (await measure('a'))!;
  expect([setting, cut, items.length]).toEqual(['quick', false, COUNT + 1]);
  expect(items.at(-1)!.id).toBe('both');
  expect(scores.map(({ length }) => length)).toEqual([COUNT + 1, COUNT + 1]);
  expect(idsOf('base')).toEqual(idsOf('result'));
});

it('has some, the same of both, where the time is over, and says how many', async () => {
  const { setting, cut, items, scores, idsOf } = (await measure('b', { left: -1 }))!;
  expect(cut).toBe(true);
  expect(setting).toBe('quick; 8 of these 41 items, as time allowed');
  expect(scores.map(({ length }) => length)).toEqual([8, 8]);
  expect(idsOf('base')).toEqual(items.map(({ id }) => id));
  expect(idsOf('result').sort()).toEqual(idsOf('base').sort());
  // Not the first of the list, which may all be of one kind.
  expect(idsOf('base').some((id) => Number(id.slice(5)) >= 8)).toBe(true);
  // The same each time, so that the base's are known to the next run.
  expect((await measure('c', { left: -1 }))!.items).toEqual(items);
});

it('is left out where there is no time for as little as gives a figure', async () => {
  expect(await measure('d', { left: 15, least: 40 })).toBeUndefined();
  expect(await measure('e', { left: 30, least: 40 })).toBeDefined();
});
