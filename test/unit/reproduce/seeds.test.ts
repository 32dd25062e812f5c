/** The interval over seeds and items: computed by hand, and its coverage of the true value. */
import { describe, expect, it } from 'vitest';
import { overSeeds, seededInterval } from '../../../src/reproduce/seeds.ts';
import { interval, type Means } from '../../../src/statistics/intervals.ts';
import { gaussian, mix } from '../../../src/statistics/random.ts';

const difference = ([means]: Means) => means![0]! - means![1]!;

describe('the interval over seeds', () => {
  it('adds the squared half-widths, with t of n - 1 degrees of freedom', () => {
    // Standard deviation 1, so the standard error is 1 / sqrt(3), and t is 4.3027.
    const { low, high, value } = overSeeds({ value: 2, low: 1, high: 2.5 }, [1, 2, 3]);
    const reach = 4.3027 / Math.sqrt(3);
    expect(value).toBe(2);
    expect(low).toBeCloseTo(2 - Math.hypot(1, reach), 4);
    expect(high).toBeCloseTo(2 + Math.hypot(0.5, reach), 4);
  });

  it('is the interval over items if the seeds agree, or if there is only one', () => {
    const items = { value: 2, low: 1, high: 3 };
    expect(overSeeds(items, [2])).toEqual(items);
    expect(overSeeds(items, [2, 2, 2])).toMatchObject(items);
  });
});

describe('over runs', () => {
  const ITEMS = 20;
  /** Losses of two models on the same items for each seed; the true difference is 0. */
  function made(run: number, { seeds, ofSeed, ofItem }: { seeds: number; ofSeed: number; ofItem: number }) {
    const items = gaussian(ITEMS, ofItem, mix(run, 1));
    const luck = gaussian(seeds, ofSeed, mix(run, 2));
    return Array.from({ length: seeds }, (_, seed) => {
      const noise = gaussian(2 * ITEMS, 0.2 * ofItem, mix(run, 3, seed));
      const model = (isFirst: boolean) =>
        Array.from({ length: ITEMS }, (_, i) => ({
          sum: 2 + (isFirst ? items[i]! + luck[seed]! : 0) + noise[2 * i + Number(isFirst)]!,
          weight: 1,
        }));
      return [[model(true), model(false)]];
    });
  }

  it.each([
    ['seeds differ more than items', { seeds: 3, ofSeed: 0.1, ofItem: 0.05 }],
    ['items differ more than seeds', { seeds: 3, ofSeed: 0.01, ofItem: 0.3 }],
    ['both differ', { seeds: 4, ofSeed: 0.05, ofItem: 0.2 }],
  ])('covers the true value in 95%% of cases with %s', (_, how) => {
    const RUNS = 600;
    let [held, byItems] = [0, 0];
    for (let run = 0; run < RUNS; run += 1) {
      const bySeed = made(run, how);
      const { low, high } = seededInterval(bySeed, difference)!;
      if (low <= 0 && high >= 0) held += 1;
      const single = interval(bySeed[0]!, difference)!;
      if (single.low <= 0 && single.high >= 0) byItems += 1;
    }
    expect(held / RUNS).toBeGreaterThan(0.93);
    // One seed and its items alone are overconfident if seeds differ.
    if (how.ofSeed > how.ofItem) expect(byItems / RUNS).toBeLessThan(0.5);
  });

  it('gives each seed its own values, for as many models as it has', () => {
    const models = (...values: number[]) =>
      values.map((sum) => [sum, sum].map((value) => ({ sum: value, weight: 1 })));
    const bySeed = [[models(1, 5)], [models(2, 7, 9)]];
    const last = ([means]: Means) => means!.at(-1)! - means![0]!;
    expect(seededInterval(bySeed, last)).toMatchObject({ value: (4 + 7) / 2, bySeed: [4, 7] });
  });
});
