/**
 * Intervals compared with SciPy and statsmodels (test/reference/intervals.py), and properties that hold for any data.
 */
import { describe, expect, it } from 'vitest';
import {
  interval,
  pairedIntervals,
  resampledInterval,
  stratifiedIntervals,
} from '../../../src/statistics/intervals.ts';
import { proportionInterval } from '../../../src/statistics/proportion.ts';
import { wilson, type RatioItem } from '../../../src/statistics/statistics.ts';
import { incompleteBeta, normalTail, studentQuantile } from '../../../src/statistics/student.ts';
import { uniform } from '../../../src/statistics/random.ts';
import { partsOf } from '../evaluation/help.ts';
import reference from '../../reference/intervals.json' with { type: 'json' };

const width = ({ low, high }: { low: number; high: number }) => high - low;
const of = (parts: readonly RatioItem[], documents: readonly number[]): RatioItem[] =>
  parts.map((part, i) => ({ ...part, document: `file ${documents[i]}` }));

describe("Student's t", () => {
  it.each(reference.quantiles)('with $degrees degrees of freedom is $t', ({ degrees, t }) => {
    expect(studentQuantile(degrees) / t).toBeCloseTo(1, 9);
  });
  it('is computed from a beta function that satisfies its symmetry, even where both sides switch expansions', () => {
    for (let a = 1; a < 60; a += 1)
      for (let b = 1; b < 60; b += 1)
        for (const off of [-1e-16, 0, 1e-16]) {
          const x = (a + 1) / (a + b + 2) + off;
          expect(incompleteBeta(x, a, b) + incompleteBeta(1 - x, b, a)).toBeCloseTo(1, 9);
        }
  });
  it('approaches the normal distribution', () => {
    expect(studentQuantile(1e7)).toBeCloseTo(1.959963985, 8);
    // scipy.stats.norm.sf(2.5) = 0.006209665325776132
    expect(normalTail(2.5)).toBeCloseTo(0.0062097, 6);
  });
});

describe('the interval of a difference', () => {
  it.each(reference.cases)(
    'matches statsmodels and SciPy if documents are $name',
    ({ weights, before, after, value, low, high }) => {
      const parts = (sums: number[]) => sums.map((sum, i) => ({ sum, weight: weights[i]! }));
      const { difference } = pairedIntervals(parts(before), parts(after));
      expect(difference.value).toBeCloseTo(value, 10);
      expect(difference.low).toBeCloseTo(low, 8);
      expect(difference.high).toBeCloseTo(high, 8);
    },
  );
  it('treats the windows of one document as one observation', () => {
    const [before, after] = [partsOf([5, 6, 7, 8, 9, 9]), partsOf([4, 5, 5, 6, 9, 8])];
    const split = pairedIntervals(before, after).difference;
    const [b, a] = [of(before, [1, 1, 2, 2, 3, 3]), of(after, [1, 1, 2, 2, 3, 3])];
    const { difference } = pairedIntervals(b, a);
    const joined = [[11, 9], [15, 11], [18, 17]] as const; // oxfmt-ignore
    const whole = pairedIntervals(
      joined.map(([sum]) => ({ sum, weight: 2 })),
      joined.map(([, sum]) => ({ sum, weight: 2 })),
    ).difference;
    expect(difference).toEqual(whole);
    expect(width(difference)).toBeGreaterThan(1.5 * width(split));
  });
  it('treats windows as independent if all are from one document', () => {
    const [before, after] = [partsOf([5, 6, 7, 8]), partsOf([4, 5, 5, 6])];
    const ones = [1, 1, 1, 1];
    expect(pairedIntervals(of(before, ones), of(after, ones))).toEqual(pairedIntervals(before, after));
  });
  it('is paired: a constant shift has width zero, however noisy the items', () => {
    const before = [1, 100, 3, 50, 20];
    const { difference } = pairedIntervals(partsOf(before), partsOf(before.map((x) => x - 0.5)));
    expect(difference.value).toBeCloseTo(-0.5, 12);
    expect(width(difference)).toBeLessThan(1e-9);
  });
  it('is the value itself for a single item', () => {
    const { before, difference } = pairedIntervals(partsOf([3]), partsOf([2]));
    expect([before, difference]).toEqual([
      { value: 3, low: 3, high: 3 },
      { value: -1, low: -1, high: -1 },
    ]);
  });
  it("equals the result's interval if the base's values are zero", () => {
    const { after, difference } = pairedIntervals(partsOf([0, 0, 0, 0]), partsOf([0.1, 0.3, 0.2, 0.2]));
    expect(difference).toEqual(after);
    expect(after.low).toBeGreaterThan(0);
  });
  it('rejects unequal and empty lists', () => {
    expect(() => pairedIntervals(partsOf([1]), partsOf([1, 2]))).toThrow('pairs differ');
    expect(() => pairedIntervals([], [])).toThrow('no items');
  });
});

describe('the interval of a level', () => {
  it('is never negative for an amount, even with few items', () => {
    for (const values of [
      [1, 900],
      [500, 700],
      [0.1, 0.2, 4],
      [2, 2.1, 1.9, 2],
    ]) {
      const { after } = pairedIntervals(partsOf(values), partsOf(values));
      expect(after.low).toBeGreaterThanOrEqual(0);
      expect(after.low).toBeLessThan(after.value);
      expect(after.high).toBeGreaterThan(after.value);
      expect(after.high).toBeLessThan(20 * after.value);
    }
  });
  it('stays within the bounds of a share, and has a width even if all items agree', () => {
    const share = (values: number[]) => pairedIntervals(partsOf(values), partsOf(values), 'share').after;
    const { low, high } = share([0.9, 1, 1, 0.2]);
    expect(low).toBeGreaterThan(0);
    expect(high).toBeGreaterThan(0.95);
    expect(high).toBeLessThan(1);
    expect(share([0, 0, 0, 0])).toEqual({ value: 0, ...wilson(0, 4) });
    expect(share([1, 1, 1])).toEqual({ value: 1, ...wilson(3, 3) });
    const { difference } = pairedIntervals(partsOf([0, 0]), partsOf([0, 0]), 'share');
    const none = wilson(0, 2);
    expect(difference).toEqual({ value: 0, low: -none.high, high: none.high });
  });
});

describe('the interval of a proportion', () => {
  const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n, k - 1) * (n - k + 1)) / k);
  /** By the binomial distribution, without sampling. */
  function coverage(n: number, rate: number, intervals: readonly { low: number; high: number }[]): number {
    return intervals.reduce(
      (sum, { low, high }, k) =>
        low <= rate && rate <= high ? sum + choose(n, k) * rate ** k * (1 - rate) ** (n - k) : sum,
      0,
    );
  }
  it.each([8, 12, 16, 20, 30, 50, 100, 164])(
    'of %d answers covers the truth in 95 to 97% of cases on average, and in at least 91%',
    (n) => {
      const intervals = Array.from({ length: n + 1 }, (_, k) => proportionInterval(k, n));
      const shares = Array.from({ length: 499 }, (_, i) => coverage(n, (i + 1) / 500, intervals));
      const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
      expect(mean).toBeGreaterThan(0.95);
      expect(mean).toBeLessThan(0.97);
      expect(Math.min(...shares)).toBeGreaterThan(0.91);
    },
  );
  it('rises with the number of right answers, including fractional ones', () => {
    for (const n of [5.5, 20, 70]) {
      const intervals = Array.from({ length: 8 * n + 1 }, (_, k) => proportionInterval(k / 8, n));
      for (const [k, { low, high }] of intervals.entries()) {
        const rate = k / 8 / n;
        expect(low).toBeLessThanOrEqual(rate);
        expect(high).toBeGreaterThanOrEqual(rate);
        expect(low).toBeGreaterThanOrEqual(intervals[k - 1]?.low ?? 0);
        expect(high).toBeGreaterThanOrEqual(intervals[k - 1]?.high ?? 0);
      }
    }
  });
});

describe('the interval of answers', () => {
  const answers = (text: string) => partsOf([...text].map(Number));
  it.each(reference.proportions)(
    "matches SciPy's distributions: $successes of $n",
    ({ successes, n, low, high }) => {
      const parts = partsOf(Array.from({ length: n }, (_, i) => Number(i < successes)));
      const { after } = pairedIntervals(parts, parts, 'answers');
      expect(after.value).toBeCloseTo(successes / n, 12);
      expect(after.low).toBeCloseTo(low, 9);
      expect(after.high).toBeCloseTo(high, 9);
    },
  );
  it('of a difference counts the answers that changed, plus half an answer of either kind', () => {
    const { difference } = pairedIntervals(answers('0001111100'), answers('0111110000'), 'answers');
    // Two up, two down, six unchanged.
    expect(difference.value).toBe(0);
    expect(difference.high).toBeCloseTo(1.959964 * Math.sqrt((2 * (2.5 / 11)) / 11), 6);
    expect(difference.low).toBe(-difference.high);
  });
  it('treats correlated answers within a file as fewer, and uncorrelated ones never as more', () => {
    const alike = answers('111100001111');
    const files = [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3];
    const apart = pairedIntervals(alike, alike, 'answers').after;
    expect(width(pairedIntervals(of(alike, files), of(alike, files), 'answers').after)).toBeGreaterThan(
      1.5 * width(apart),
    );
    const mixed = answers('101010101010');
    expect(pairedIntervals(of(mixed, files), of(mixed, files), 'answers').after).toEqual(
      pairedIntervals(mixed, mixed, 'answers').after,
    );
  });
  it('counts files if all answers agree', () => {
    const none = of(answers('00000000'), [1, 1, 1, 2, 2, 2, 3, 3]);
    const { after, difference } = pairedIntervals(none, none, 'answers');
    expect(after).toEqual({ value: 0, ...proportionInterval(0, 3) });
    expect(difference.high).toBeCloseTo(1.959964 / 4, 6);
  });
});

describe('the interval of any statistic', () => {
  const noise = (count: number, seed: number) => {
    const random = uniform(seed);
    return Array.from({ length: count }, () => random() - 0.5);
  };
  it('pairs the models within a stratum and treats strata as independent', () => {
    const values = noise(50, 1);
    const [a, b] = [partsOf(values), partsOf(values.map((value) => value + 1))];
    const difference = interval([[a, b]], ([means]) => means![1]! - means![0]!)!;
    expect(difference.low).toBeCloseTo(1, 9);
    expect(difference.high).toBeCloseTo(1, 9);
    const apart = interval([[a], [b]], ([first, two]) => two![0]! - first![0]!)!;
    const single = interval([[a]], ([means]) => means![0]!)!;
    // The variances add up.
    expect(width(apart) / width(single)).toBeCloseTo(Math.SQRT2, 1);
  });
  it('is undefined for fewer than two items, or if the statistic has no value without one of them', () => {
    expect(interval([[[]]], () => 1)).toBeUndefined();
    expect(interval([[partsOf([1])]], ([means]) => means![0]!)).toBeUndefined();
    expect(interval([[partsOf([1, 2])]], () => NaN)).toBeUndefined();
    expect(interval([[partsOf([1, -1, 1])]], ([means]) => (means![0]! > 0.4 ? NaN : 1))).toBeUndefined();
  });
  it('is resampled if the statistic jumps: wider than its percentiles, and deterministic', () => {
    const stratum = [partsOf(noise(12, 5)), partsOf(noise(12, 6))];
    const lower = (means: readonly number[]) => means.indexOf(Math.min(...means));
    expect(resampledInterval(stratum, lower)).toEqual({
      value: expect.any(Number) as number,
      low: 0,
      high: 1,
    });
    const mean = ([first]: readonly number[]) => first!;
    const drawn = resampledInterval(stratum, mean)!;
    expect(resampledInterval(stratum, mean)).toEqual(drawn);
    const whole = interval([stratum], ([means]) => means![0]!)!;
    expect(width(drawn) / width(whole)).toBeGreaterThan(0.9);
    expect(width(drawn) / width(whole)).toBeLessThan(1.05);
    expect(resampledInterval([partsOf([1])], mean)).toBeUndefined();
    expect(resampledInterval(stratum, () => NaN)).toBeUndefined();
  });
});

describe('the interval of a mean over tasks', () => {
  it("combines the tasks' own errors", () => {
    const [a, b] = [partsOf([1, 2, 4, 3]), partsOf([9, 7, 8, 6])];
    const both = stratifiedIntervals(
      [
        { before: a, after: a },
        { before: b, after: b },
      ],
      'number',
    ).after;
    expect(both.value).toBe(5);
    const each = [a, b].map(
      (parts) => width(pairedIntervals(parts, parts, 'number').after) / studentQuantile(3),
    );
    // Two equal variances with three degrees of freedom have six together.
    expect(width(both)).toBeCloseTo((studentQuantile(6) * Math.hypot(...each)) / 2, 9);
  });
});
