/** Measuring with a deadline: both models answer the same items, and items that don't fit are left out. */
import { describe, expect, it } from 'vitest';
import { Evaluation } from '../../../src/evaluation/measure.ts';
import type { Resources } from '../../../src/evaluation/resources.ts';
import { createItem, type EvaluatedModel, type Item, type Task } from '../../../src/evaluation/task.ts';
import { TimeTable } from '../../../src/evaluation/time.ts';
import { fakeModel, useFolder } from './help.ts';
import type { EvaluatorMessage } from '../../../src/protocol/evaluator.ts';
import { UserError, type ErrorCode } from '../../../src/text/errors.ts';
import { english } from '../../../src/text/message.ts';
import type { Cost } from '../../../src/training/measured-costs.ts';

useFolder();
const COUNT = 40;

function lengths(answered: string[], firstFrom?: number, count = COUNT): Task {
  const items = Array.from({ length: count }, (_, index) => ({
    ...createItem(`item ${index}`, { index }),
    document: `${index % 4}.ts`,
    first: firstFrom !== undefined && index >= firstFrom,
  }));
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
        interleaved: [{ ...createItem('both', {}), document: '1.ts' }],
        setting: 'windows',
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

interface Asked {
  /** Seconds left. */
  left?: number;
  /** Seconds needed for the minimum. */
  least?: number;
  ofRun?: boolean;
  /** The name of the adapter that training began with. */
  began?: string;
  /** The first of the items that are measured before the others. */
  firstFrom?: number;
  count?: number;
}

async function measure(seed: string, { left, least = 0, ofRun = true, began, firstFrom, count }: Asked = {}) {
  const answered: string[] = [];
  const [base, before, result] = ['base', began ?? 'before', 'result'].map((name) =>
    fakeModel({ name, digest: `${name}${seed}`.padEnd(64, '0') }),
  );
  const models = [base!, result!];
  const costs: Cost[] = [];
  const onCost = (_: string, cost: Cost) => Promise.resolve(void costs.push(cost));
  const task = { ...lengths(answered, firstFrom, count), needsRun: ofRun };
  const evaluation = new Evaluation([task], { onCost }, {
    base,
    before: () => Promise.resolve(began ? before : base),
  } as Resources);
  const measured = [];
  const parts = [{ name: 'lengths', title: '', cost: 60, minimum: least }];
  const table = left === undefined ? undefined : new TimeTable(parts, performance.now() + 1000 * left);
  for await (const task of evaluation.measure(models, undefined, table)) measured.push(task);
  if (measured.length === 0) return undefined;
  const [{ counts, cut, of }] = measured as [(typeof measured)[0]];
  const idsOf = (name: string) =>
    answered.filter((one) => one.startsWith(name)).map((one) => one.slice(name.length + 1));
  return { setting: counts[0]!.measured.setting, cut, ...of!, idsOf, costs };
}

it('measures all items without a time limit', async () => {
  const { setting, cut, items, scores, idsOf } = (await measure('a'))!;
  expect([english(setting), cut, items.length]).toEqual(['quick: windows', false, COUNT + 1]);
  expect(items.at(-1)!.id).toBe('both');
  expect(scores.map(({ length }) => length)).toEqual([COUNT + 1, COUNT + 1]);
  expect(idsOf('base')).toEqual(idsOf('result'));
});

it('measures the same items for both models until time is up, and says how many', async () => {
  const { setting, cut, items, scores, idsOf } = (await measure('b', { left: -1 }))!;
  expect(cut).toBe(true);
  expect(english(setting)).toBe('quick: windows; 8 of these 41 items, as time allowed');
  expect(scores.map(({ length }) => length)).toEqual([8, 8]);
  expect(idsOf('base')).toEqual(items.map(({ id }) => id));
  expect(idsOf('result').sort()).toEqual(idsOf('base').sort());
  // Not only the first items of the list, which may all be of one kind.
  expect(idsOf('base').some((id) => Number(id.slice(5)) >= 8)).toBe(true);
  // Deterministic, so that the next run can reuse the base's scores.
  expect((await measure('c', { left: -1 }))!.items).toEqual(items);
});

it('starts with the most informative items if time is limited', async () => {
  const { items } = (await measure('i', { left: -1, firstFrom: 30 }))!;
  expect(items.every(({ id }) => Number(id.slice(5)) >= 30)).toBe(true);
});

it.each([
  ['reference', 'the base with its reference adapter'],
  ['run1', 'the result of the run that it continues'],
])(
  'compares with the adapter that training began with only in a task about the run: %s',
  async (began, name) => {
    const about = (await measure(`j${began}`, { began }))!;
    expect(english(about.setting)).toBe(`quick: windows; before: ${name}`);
    expect(about.idsOf(began)).toEqual(about.idsOf('result'));
    expect(about.idsOf('base')).toEqual([]);
    const other = (await measure(`k${began}`, { began, ofRun: false }))!;
    expect([other.idsOf(began), other.idsOf('base')]).toEqual([[], other.idsOf('result')]);
  },
);

it('learns what an item costs, unless nearly all of them were known', async () => {
  expect((await measure('l'))!.costs).toMatchObject([{ items: 2 * (COUNT + 1) }]);
  const { costs, idsOf } = (await measure('l', { count: COUNT + 1 }))!;
  expect([idsOf('result'), costs]).toEqual([[`item ${COUNT}`], []]);
});

describe('a task that fails', () => {
  /** What is said of a task of which this is different. */
  async function fail(different: Partial<Task>, data?: Record<string, string>) {
    const base = fakeModel({ digest: 'm'.padEnd(64, '0') });
    const warnings: string[] = [];
    const onEvent = (message: EvaluatorMessage) =>
      message.type === 'warning' && warnings.push(message.message);
    const tasks = [{ ...lengths([]), ...different }];
    const evaluation = new Evaluation(tasks, { onEvent, data }, { base } as Resources);
    const measured = [];
    for await (const one of evaluation.measure([base, base])) measured.push(one);
    return { measured, warnings };
  }
  const error = (code: ErrorCode) => new UserError(code, 'It failed.', 'Look.');
  const over = [{ task: 'lengths', counts: [] }];

  it.each<[ErrorCode, unknown[]]>([
    ['memory', []],
    ['crashed', []],
    ['network', []],
    ['bad-argument', over],
    ['corpus-empty', over],
  ])('is over only if it can never be measured here: %s', async (code, expected) => {
    const { measured, warnings } = await fail({ plan: () => Promise.reject(error(code)) });
    expect(measured).toEqual(expected);
    expect(warnings).toEqual(['Lengths was not measured: It failed. Look.']);
  });
  it('is not over if it failed at a file that was given', async () => {
    const plan = () => Promise.reject(error('bad-argument'));
    const { measured } = await fail({ name: 'humaneval', plan }, { humaneval: 'mistyped.jsonl' });
    expect(measured).toEqual([]);
  });
  it.each([NaN, Infinity])('has diverged if it measured %s', async (sum) => {
    const score = () => Promise.resolve({ parts: { length: { sum, weight: 1 } } });
    const { measured, warnings } = await fail({ score });
    expect(measured).toEqual(over);
    expect(warnings).toEqual([expect.stringContaining('no longer gives valid probabilities')]);
  });
});

it('leaves a task out if there is no time for its minimum', async () => {
  expect(await measure('d', { left: 15, least: 40 })).toBeUndefined();
  expect(await measure('e', { left: 30, least: 40 })).toBeDefined();
});
