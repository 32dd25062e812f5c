/** Verdicts and best rates, computed by hand. */
import { describe, expect, it } from 'vitest';
import { verdictOf } from '../../../src/reproduce/effects.ts';
import { bestRate } from '../../../src/reproduce/rate-ratio.ts';
import type { Effect } from '../../../src/protocol/reproduction.ts';

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
    // An effect without a rule changes nothing.
    ['holds', [effect(0.1, 0.2), effect(-2, -1, {})]],
    ["can't tell", [effect(0.1, 0.2, {})]],
    // Equality: within a range.
    ['holds', [effect(0.9, 1.1, { above: 0.8, below: 1.25 })]],
    ["can't tell", [effect(0.7, 1.1, { above: 0.8, below: 1.25 })]],
    ['does not hold', [effect(1.3, 2, { above: 0.8, below: 1.25 })]],
  ])('%s', (verdict, effects) => {
    expect(verdictOf(effects)).toBe(verdict);
  });
});

describe('the best rate', () => {
  const trials = [1e-4, 1e-3, 1e-2].map((learningRate) => ({ learningRate }));
  it('is the minimum of a parabola over the log rate', () => {
    const lowest = Math.log(2e-3);
    const losses = trials.map(({ learningRate }) => 2 + (Math.log(learningRate) - lowest) ** 2);
    expect(bestRate(trials, losses)).toBeCloseTo(2e-3, 9);
  });
  it('is the rate itself at the edge of the grid', () => {
    expect(bestRate(trials, [3, 2, 1])).toBe(1e-2);
    expect(bestRate(trials, [1, 2, 3])).toBe(1e-4);
  });
});
