/** Intervals and verdicts, against a normal approximation, by hand, and by what must hold of any data. */
import { describe, expect, it } from 'vitest';
import { gaussian } from '../../../src/model/random.ts';
import { bootstrap, bootstrapMedian, matchedForgetting, verdictOf } from '../../../src/reproduce/effects.ts';
import { bestRate } from '../../../src/reproduce/rate-ratio.ts';
import type { Effect } from '../../../src/protocol/reproduction.ts';

const parts = (values: Iterable<number>) => [...values].map((sum) => ({ sum, weight: 1 }));

describe('bootstrap', () => {
  it('agrees with the normal interval of a mean over many items', () => {
    const values = gaussian(400, 1, 3);
    const { value, low, high } = bootstrap([[parts(values)]], ([figures]) => figures![0]!)!;
    const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / values.length);
    const margin = (1.96 * deviation) / Math.sqrt(values.length);
    expect(value).toBeCloseTo(mean, 6);
    expect(low).toBeCloseTo(mean - margin, 1);
    expect(high).toBeCloseTo(mean + margin, 1);
    expect(high - low).toBeGreaterThan(1.8 * margin);
    expect(high - low).toBeLessThan(2.2 * margin);
  });

  it('pairs the models of a stratum and draws strata apart', () => {
    const noise = [...gaussian(50, 5, 1)];
    const [a, b] = [parts(noise), parts(noise.map((one) => one + 1))];
    const difference = bootstrap([[a, b]], ([figures]) => figures![1]! - figures![0]!)!;
    expect(difference.low).toBeCloseTo(1, 9);
    expect(difference.high).toBeCloseTo(1, 9);
    const apart = bootstrap([[a], [b]], ([one, two]) => two![0]! - one![0]!)!;
    expect(apart.high - apart.low).toBeGreaterThan(1);
  });

  it('has nothing to say without items, and where the statistic has no value in too many draws', () => {
    expect(bootstrap([[[]]], () => 1)).toBeUndefined();
    expect(bootstrap([[parts([1, -1, 1])]], ([figures]) => (figures![0]! > 0.4 ? NaN : 1))).toBeUndefined();
    expect(bootstrap([[parts([1, 2])]], () => NaN)).toBeUndefined();
  });

  it('gives the same interval each time', () => {
    const strata = [[parts(gaussian(20, 1, 9))]];
    expect(bootstrap(strata, ([figures]) => figures![0]!)).toEqual(
      bootstrap(strata, ([figures]) => figures![0]!),
    );
  });

  it('has the median and its interval', () => {
    const { value, low, high } = bootstrapMedian(Array.from({ length: 101 }, (_, i) => i))!;
    expect(value).toBe(50);
    // Of a uniform sample, the median's standard error is about 100 / (2 sqrt n) = 5.
    expect(low).toBeGreaterThan(35);
    expect(low).toBeLessThan(45);
    expect(high).toBeGreaterThan(55);
    expect(high).toBeLessThan(65);
    expect(bootstrapMedian([])).toBeUndefined();
  });
});

describe('forgetting at equal learning', () => {
  it('is taken on the straight lines between points, where the one that learned less ends', () => {
    const slow = { losses: [3, 2.8, 2.6], forgetting: [0, 0.1, 0.3] };
    const fast = { losses: [3, 2.5, 2], forgetting: [0, 0.2, 0.6] };
    // The slow one ends at 2.6; the fast one passes there at four fifths of its first stretch.
    expect(matchedForgetting([slow, fast])[0]).toBeCloseTo(0.3, 12);
    expect(matchedForgetting([slow, fast])[1]).toBeCloseTo(0.16, 12);
  });

  it('is equal for equal paths and does not look at what came after the least loss', () => {
    const path = { losses: [3, 2.5, 2.7], forgetting: [0, 0.2, 5] };
    expect(matchedForgetting([path, path])).toEqual([0.2, 0.2]);
  });

  it('has no value where one learned nothing', () => {
    const [stuck, fine] = [
      { losses: [3, 3.1], forgetting: [0, 1] },
      { losses: [3, 2], forgetting: [0, 1] },
    ];
    expect(matchedForgetting([stuck, fine])).toEqual([NaN, NaN]);
  });
});

describe('the verdict', () => {
  const effect = (low: number, high: number, wanted: Partial<Effect> = { above: 0 }): Effect => {
    return { name: '', unit: '', value: (low + high) / 2, low, high, ...wanted };
  };
  it.each<[string, Effect[]]>([
    ['holds', [effect(0.1, 0.2)]],
    ['does not hold', [effect(-0.2, -0.1)]],
    ["can't tell", [effect(-0.1, 0.2)]],
    ["can't tell", [effect(0, 0.2)]],
    ["can't tell", []],
    ['holds', [effect(0.1, 0.2), effect(0.3, 0.4)]],
    ["can't tell", [effect(0.1, 0.2), effect(-0.1, 0.4)]],
    ['does not hold', [effect(0.1, 0.2), effect(-0.4, -0.1)]],
    // One that decides nothing changes nothing.
    ['holds', [effect(0.1, 0.2), effect(-2, -1, {})]],
    ["can't tell", [effect(0.1, 0.2, {})]],
    // Alike: within a range.
    ['holds', [effect(0.9, 1.1, { above: 0.8, below: 1.25 })]],
    ["can't tell", [effect(0.7, 1.1, { above: 0.8, below: 1.25 })]],
    ['does not hold', [effect(1.3, 2, { above: 0.8, below: 1.25 })]],
  ])('%s', (verdict, effects) => {
    expect(verdictOf(effects)).toBe(verdict);
  });
});

describe('the best rate', () => {
  const trials = [1e-4, 1e-3, 1e-2].map((learningRate) => ({ learningRate }));
  it('is the lowest point of a parabola over log rate', () => {
    const lowest = Math.log(2e-3);
    const losses = trials.map(({ learningRate }) => 2 + (Math.log(learningRate) - lowest) ** 2);
    expect(bestRate(trials, losses)).toBeCloseTo(2e-3, 9);
  });
  it('is the rate itself at the end of the grid', () => {
    expect(bestRate(trials, [3, 2, 1])).toBe(1e-2);
    expect(bestRate(trials, [1, 2, 3])).toBe(1e-4);
  });
});
