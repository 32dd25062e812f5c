/** Intervals and verdicts, against a normal approximation, by hand, and by what must hold of any data. */
import { describe, expect, it } from 'vitest';
import { matchedForgetting, medianInterval, verdictOf } from '../../../src/reproduce/effects.ts';
import { bestRate } from '../../../src/reproduce/rate-ratio.ts';
import type { Effect } from '../../../src/protocol/reproduction.ts';
import reference from '../../reference/intervals.json' with { type: 'json' };

describe('the interval of a median', () => {
  it.each(reference.medians)(
    'reaches to the order statistics of the binomial distribution, $n',
    ({ n, rank }) => {
      const found = medianInterval(Array.from({ length: n }, (_, i) => n - i))!;
      expect(found).toEqual({ value: (n + 1) / 2, low: rank, high: n + 1 - rank });
    },
  );
  it('reaches to the ends where there are few', () => {
    expect(medianInterval([3, 1, 2])).toEqual({ value: 2, low: 1, high: 3 });
    expect(medianInterval([5])).toEqual({ value: 5, low: 5, high: 5 });
    expect(medianInterval([])).toBeUndefined();
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
