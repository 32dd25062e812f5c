import { describe, expect, it } from 'vitest';
import {
  klDivergence,
  natsToBits,
  passAtK,
  percentile,
  ratio,
  spread,
  wilson,
} from '../../../src/statistics/statistics.ts';

/** C(n, k) as an exact integer. */
function binomial(n: number, k: number): bigint {
  if (k > n) return 0n;
  let result = 1n;
  for (let i = 0; i < k; i += 1) result = (result * BigInt(n - i)) / BigInt(i + 1);
  return result;
}
/** a / b to 15 digits, whatever their size. */
const fraction = (a: bigint, b: bigint) => Number((a * 10n ** 18n) / b) / 1e18;

describe('pass@k', () => {
  it('equals 1 - C(n-c, k) / C(n, k) in exact fractions', () => {
    for (const n of [1, 2, 5, 20, 50, 200, 256])
      for (const c of [0, 1, 2, 3, Math.floor(n / 2), n - 1, n].filter((x) => x >= 0 && x <= n))
        for (const k of [1, 2, 10, 100, 256].filter((x) => x <= n)) {
          const total = binomial(n, k);
          expect(passAtK(n, c, k)).toBeCloseTo(fraction(total - binomial(n - c, k), total), 12);
        }
  });
  it('is the probability that k drawn samples include a right one', () => {
    // With 2 of 5 samples passing, 3 of the 10 pairs have no passing one.
    expect(passAtK(5, 2, 2)).toBeCloseTo(0.7, 15);
    expect(passAtK(7, 3, 1)).toBeCloseTo(3 / 7, 15);
  });
  it.each([
    [3, 4, 1],
    [3, 1, 4],
    [3, 1, 0],
    [3, -1, 1],
    [3, 0.5, 1],
  ])('rejects n=%d c=%d k=%d', (n, c, k) => expect(() => passAtK(n, c, k)).toThrow(RangeError));
});

describe('a ratio', () => {
  it('divides sums, so long windows weigh more', () => {
    expect(ratio([{ sum: 10, weight: 1 }, { sum: 10, weight: 9 }])).toBe(2); // oxfmt-ignore
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
  it('ln 2 nats are one bit', () => {
    expect(natsToBits(Math.LN2)).toBe(1);
    expect(natsToBits(8 * Math.LN2)).toBe(8);
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

describe('KL divergence', () => {
  it('matches the closed form', () => {
    expect(klDivergence([0.5, 0.5], [0.5, 0.5])).toBe(0);
    // 0.5 ln(0.5/0.9) + 0.5 ln(0.5/0.1) = ln(5/3)
    expect(klDivergence([0.5, 0.5], [0.9, 0.1])).toBeCloseTo(Math.log(5 / 3), 12);
    expect(klDivergence([0.9, 0.1], [0.5, 0.5])).toBeCloseTo(0.9 * Math.log(1.8) + 0.1 * Math.log(0.2), 12);
    // From a point mass: -ln q.
    expect(klDivergence([0, 1, 0], [0.25, 0.25, 0.5])).toBeCloseTo(Math.log(4), 12);
  });
  it('of two discretised normals with unit width is half the squared distance', () => {
    const normal = (mean: number) => {
      const raw = Array.from({ length: 4001 }, (_, i) => Math.exp(-(((i - 2000) / 200 - mean) ** 2 / 2)));
      const total = raw.reduce((a, b) => a + b);
      return raw.map((x) => x / total);
    };
    expect(klDivergence(normal(0), normal(0.8))).toBeCloseTo(0.32, 3);
  });
  it('stays finite if the other has zero probability', () => {
    expect(klDivergence([1, 0], [0, 1])).toBeCloseTo(126 * Math.LN2, 9);
  });
  it('rejects vocabularies of different sizes', () =>
    expect(() => klDivergence([1], [0.5, 0.5])).toThrow('1 and 2'));
});
