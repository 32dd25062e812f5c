import { describe, expect, it } from 'vitest';
import { compare, countsOf, metricOf, type Counts } from '../../../src/evaluation/metrics/compare.ts';
import { forgettingAverage } from '../../../src/evaluation/metrics/forgetting.ts';
import { stratifiedIntervals } from '../../../src/statistics/intervals.ts';
import type { RatioItem } from '../../../src/statistics/statistics.ts';
import { partsOf } from './help.ts';

const counts = (task: string, metric: string, ...models: number[][]): Counts => ({
  measured: { task, metric, unit: '', better: 'higher', setting: 'test' },
  models: models.map((values) => [partsOf(values)]),
});
const all = [
  counts('hellaswag', 'acc', [0, 0, 0, 0], [0, 0, 0, 0]),
  counts('hellaswag', 'acc_norm', [1, 1, 0, 0], [1, 1, 1, 0]),
  counts('arc_challenge', 'acc_norm', [1, 0], [0, 0]),
  counts('winogrande', 'acc', [1, 1, 1], [1, 1, 0]),
];

describe('the forgetting average', () => {
  it('is the mean of three accuracies with equal weights', () => {
    const { before, after, difference, setting } = { ...compare(forgettingAverage(all)!), setting: '' };
    expect(before).toMatchObject({ task: 'forgetting', metric: 'average', n: 9 });
    expect(before.value).toBeCloseTo((0.5 + 0.5 + 1) / 3, 12);
    expect(after.value).toBeCloseTo((0.75 + 0 + 2 / 3) / 3, 12);
    expect(difference.value).toBeCloseTo(after.value - before.value, 12);
    expect(setting).toBe('');
    expect(before.setting).toBe(
      'mean of hellaswag acc_norm, arc_challenge acc_norm, winogrande acc; 4 + 2 + 3 questions',
    );
  });
  it('is undefined if one was not measured', () => {
    expect(forgettingAverage(all.slice(0, 3))).toBeUndefined();
    expect(forgettingAverage([])).toBeUndefined();
  });
});

describe('the interval of a mean over tasks', () => {
  it("has the width of the tasks' own errors, not of their differences", () => {
    // Two tasks with rates 0.1 and 0.9: pooled, the items vary far more than within each task.
    const items = (ones: number): RatioItem[] =>
      partsOf(Array.from({ length: 100 }, (_, i) => Number(i < ones)));
    const pair = (parts: RatioItem[]) => ({ before: parts, after: parts });
    const { before } = stratifiedIntervals([pair(items(10)), pair(items(90))], 'share');
    expect(before.value).toBeCloseTo(0.5, 12);
    const theory = (1.96 * Math.sqrt((0.1 * 0.9) / 100 + (0.9 * 0.1) / 100)) / 2;
    expect((before.high - before.low) / 2 / theory).toBeCloseTo(1, 1);
  });
});

describe('counts', () => {
  const measured = { task: 't', unit: '', better: 'lower', setting: 's' } as const;
  const [a, b] = [
    { ...measured, metric: 'a' },
    { ...measured, metric: 'b' },
  ];
  const score = (parts: Record<string, number>) => ({
    parts: Object.fromEntries(Object.entries(parts).map(([name, sum]) => [name, { sum, weight: 2 }])),
  });
  it('cover the items that have the metric; a metric without items is left out', () => {
    const found = countsOf([a, b], [[score({ a: 1 }), score({}), score({ a: 3 })]], [{}, {}, {}]);
    expect(found).toHaveLength(1);
    expect(metricOf(found[0]!)).toMatchObject({ task: 't', metric: 'a', value: 1, n: 2, setting: 's' });
  });
});
