import { describe, expect, it } from 'vitest';
import {
  bitsPerByte,
  pairedBootstrap,
  passAtK,
  percentile,
  ratio,
  spread,
  wilson,
  type Part,
} from '../../../src/evaluation/statistics.ts';
import { uniform } from '../../../src/model/random.ts';
import { partsOf } from './help.ts';

const bootstrap = (parts: Part[], options: { resamples?: number; seed?: number } = {}) =>
  pairedBootstrap(parts, parts, options).before;

/** C(n, k) as an exact integer. */
function binomial(n: number, k: number): bigint {
  if (k > n) return 0n;
  let result = 1n;
  for (let i = 0; i < k; i += 1) result = (result * BigInt(n - i)) / BigInt(i + 1);
  return result;
}
/** a / b to 15 digits, whatever their size. */
const fraction = (a: bigint, b: bigint) => Number((a * 10n ** 18n) / b) / 1e18;
/** Box and Muller. */
const normal = (random: () => number) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

describe('pass@k', () => {
  it('equals 1 - C(n-c, k) / C(n, k) in exact fractions', () => {
    for (const n of [1, 2, 5, 20, 50, 200, 256])
      for (const c of [0, 1, 2, 3, Math.floor(n / 2), n - 1, n].filter((x) => x >= 0 && x <= n))
        for (const k of [1, 2, 10, 100, 256].filter((x) => x <= n)) {
          const total = binomial(n, k);
          expect(passAtK(n, c, k)).toBeCloseTo(fraction(total - binomial(n - c, k), total), 12);
        }
  });
  it('is the chance that k drawn samples hold a right one', () => {
    // 5 samples of which 2 pass: of the 10 pairs, 3 hold none that passes.
    expect(passAtK(5, 2, 2)).toBeCloseTo(0.7, 15);
    expect(passAtK(7, 3, 1)).toBeCloseTo(3 / 7, 15);
  });
  it.each([
    [3, 4, 1],
    [3, 1, 4],
    [3, 1, 0],
    [3, -1, 1],
    [3, 0.5, 1],
  ])('refuses n=%d c=%d k=%d', (n, c, k) => expect(() => passAtK(n, c, k)).toThrow(RangeError));
});

describe('bootstrap', () => {
  it('divides sums: long windows weigh more', () => {
    expect(ratio([{ sum: 10, weight: 1 }, { sum: 10, weight: 9 }])).toBe(2); // prettier-ignore
  });
  it('gives the same interval for the same seed, another for another', () => {
    const values = partsOf([1, 5, 2, 8, 3, 9, 4]);
    expect(bootstrap(values, { seed: 1 })).toEqual(bootstrap(values, { seed: 1 }));
    expect(bootstrap(values, { seed: 1 })).not.toEqual(bootstrap(values, { seed: 2 }));
  });
  it('agrees with the exact distribution of a two-item resample', () => {
    // Resampling {0, 1}: means 0, 1/2, 1 with chances 1/4, 1/2, 1/4, so both 2.5% tails lie at the ends.
    expect(bootstrap(partsOf([0, 1]))).toEqual({ value: 0.5, low: 0, high: 1 });
  });
  it('pairs: a constant shift has an interval of width zero however noisy the items', () => {
    const before = [1, 100, 3, 50, -20];
    const { difference } = pairedBootstrap(partsOf(before), partsOf(before.map((x) => x - 2)));
    expect(difference.value).toBeCloseTo(-2, 12);
    expect(difference.high - difference.low).toBeLessThan(1e-9);
  });
  it('covers the true mean about 95 times of 100', () => {
    const random = uniform(7);
    let covered = 0;
    const trials = 400;
    for (let trial = 0; trial < trials; trial += 1) {
      const sample = Array.from({ length: 40 }, () => 3 + 2 * normal(random));
      const { low, high } = bootstrap(partsOf(sample), { resamples: 500, seed: trial });
      if (low <= 3 && 3 <= high) covered += 1;
    }
    // Percentile bootstrap at n = 40 covers about 94%; three standard errors of 400 trials are 3.6 points.
    expect(covered / trials).toBeGreaterThan(0.905);
    expect(covered / trials).toBeLessThan(0.98);
  });
  it('has the width that theory says: 2 x 1.96 x sd / sqrt(n)', () => {
    const random = uniform(11);
    const sample = Array.from({ length: 400 }, () => normal(random));
    const mean = sample.reduce((a, b) => a + b) / 400;
    const sd = Math.sqrt(sample.reduce((a, b) => a + (b - mean) ** 2, 0) / 400);
    const { low, high } = bootstrap(partsOf(sample));
    expect((high - low) / ((2 * 1.96 * sd) / 20)).toBeCloseTo(1, 1);
  });
  it('refuses unequal and empty lists', () => {
    expect(() => pairedBootstrap(partsOf([1]), partsOf([1, 2]))).toThrow('pairs differ');
    expect(() => bootstrap([])).toThrow('no items');
  });
});

describe('smaller pieces', () => {
  it("percentile interpolates as numpy's default", () => {
    expect(percentile([1, 2, 3, 4], 0.25)).toBe(1.75); // numpy.percentile([1, 2, 3, 4], 25)
    expect(percentile([5], 0.9)).toBe(5);
  });
  it('Wilson interval: 0 of 10 and 7 of 164', () => {
    // Closed form: upper bound at zero successes is z^2 / (n + z^2).
    const z2 = 1.959963984540054 ** 2;
    expect(wilson(0, 10)).toEqual({ low: 0, high: expect.closeTo(z2 / (10 + z2), 12) });
    expect(wilson(10, 10)).toEqual({ low: expect.closeTo(10 / (10 + z2), 12), high: 1 });
  });
  it('bits per byte: ln 2 nats over one byte is one bit', () => {
    expect(bitsPerByte(Math.LN2, 1)).toBe(1);
    expect(bitsPerByte(8 * Math.LN2, 4)).toBe(2);
  });
  it('spreads indices evenly, without repeats, ascending', () => {
    expect(spread(10, 5)).toEqual([1, 3, 5, 7, 9]);
    expect(spread(3, 8)).toEqual([0, 1, 2]);
    for (const count of [1, 20, 100, 164]) {
      const taken = spread(164, count);
      expect(new Set(taken).size).toBe(count);
      expect(taken.every((x) => x >= 0 && x < 164)).toBe(true);
      const gaps = taken.slice(1).map((x, i) => x - taken[i]!);
      if (count > 1) expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
    }
  });
});
