import { describe, expect, it } from 'vitest';
import { learningRateAt } from '../../../src/training/schedule.ts';

const hyper = { learningRate: 1e-3, schedule: 'cosine', steps: 100, warmup: 0.1 } as const;

describe('learningRateAt', () => {
  it('warms up linearly to the peak', () => {
    expect(learningRateAt(1, hyper)).toBeCloseTo(1e-4, 12);
    expect(learningRateAt(10, hyper)).toBeCloseTo(1e-3, 12);
  });

  it('falls along a cosine to a hundredth of the peak', () => {
    expect(learningRateAt(55, hyper)).toBeCloseTo(1e-3 * (0.01 + 0.99 * 0.5), 12);
    expect(learningRateAt(100, hyper)).toBeCloseTo(1e-5, 12);
  });

  it('never rises after the warm-up', () => {
    const rates = Array.from({ length: 91 }, (_, i) => learningRateAt(10 + i, hyper));
    for (let i = 1; i < rates.length; i += 1) expect(rates[i]!).toBeLessThan(rates[i - 1]!);
  });

  it('stays at the peak when constant, and survives a run of one step', () => {
    expect(learningRateAt(70, { ...hyper, schedule: 'constant' })).toBe(1e-3);
    expect(learningRateAt(1, { ...hyper, steps: 1 })).toBeGreaterThan(0);
  });
});
