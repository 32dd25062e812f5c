import { describe, expect, it } from 'vitest';
import type { Hyper } from '../../../src/protocol/run.ts';
import { learningRateAt } from '../../../src/training/schedule.ts';

type Schedule = Parameters<typeof learningRateAt>[1];
const hyper: Schedule = { learningRate: 1e-3, schedule: 'cosine', steps: 100, warmup: 0.1, cooldown: 0 };
const ratesOf = (schedule: Schedule) =>
  Array.from({ length: schedule.steps }, (_, i) => learningRateAt(i + 1, schedule));

describe('learningRateAt', () => {
  it('warms up linearly to the peak', () => {
    expect(learningRateAt(1, hyper)).toBeCloseTo(1e-4, 12);
    expect(learningRateAt(10, hyper)).toBeCloseTo(1e-3, 12);
  });

  it('falls along a cosine to a hundredth of the peak', () => {
    expect(learningRateAt(55, hyper)).toBeCloseTo(1e-3 * (0.01 + 0.99 * 0.5), 12);
    expect(learningRateAt(100, hyper)).toBeCloseTo(1e-5, 12);
  });

  it('falls with the inverse square root of the steps, then to zero', () => {
    const schedule: Schedule = { ...hyper, schedule: 'inverse-sqrt', cooldown: 0.2 };
    // With the warm-up's 10 steps as the scale: sqrt(10 / 40) at step 40, sqrt(10 / 80) at step 80.
    expect(learningRateAt(40, schedule)).toBeCloseTo(5e-4, 12);
    expect(learningRateAt(80, schedule)).toBeCloseTo(1e-3 * Math.sqrt(1 / 8), 12);
    const cooling = ratesOf(schedule).slice(79);
    const slope = cooling[0]! - cooling[1]!;
    cooling.forEach((rate, i) => expect(rate).toBeCloseTo(cooling[0]! - i * slope, 12));
    expect(cooling.at(-1)! - slope).toBeCloseTo(0, 12);
  });

  it('stays at the peak when constant, until it cools down', () => {
    expect(learningRateAt(70, { ...hyper, schedule: 'constant' })).toBe(1e-3);
    expect(learningRateAt(100, { ...hyper, schedule: 'constant' })).toBe(1e-3);
    const cooled: Schedule = { ...hyper, schedule: 'constant', cooldown: 0.5 };
    expect(learningRateAt(50, cooled)).toBe(1e-3);
    expect(learningRateAt(100, cooled)).toBeCloseTo(1e-3 / 51, 12);
  });

  const every = (['cosine', 'inverse-sqrt', 'constant'] as const).flatMap((schedule: Hyper['schedule']) =>
    [0, 0.1, 1].flatMap((warmup) =>
      [0, 0.2, 1].flatMap((cooldown) =>
        [1, 2, 7, 400].map((steps): Schedule => ({ learningRate: 3e-4, schedule, warmup, cooldown, steps })),
      ),
    ),
  );
  it.each(every)('$schedule, $steps steps, warm-up $warmup, cool-down $cooldown', (schedule) => {
    const rates = ratesOf(schedule);
    const peak = rates.indexOf(Math.max(...rates));
    // Positive everywhere, never above the peak, rising before it and falling after it.
    for (const rate of rates) expect(rate).toBeGreaterThan(0);
    expect(rates[peak]).toBeLessThanOrEqual(schedule.learningRate * (1 + 1e-12));
    for (let i = 1; i <= peak; i += 1) expect(rates[i]!).toBeGreaterThan(rates[i - 1]!);
    for (let i = peak + 1; i < rates.length; i += 1) expect(rates[i]!).toBeLessThanOrEqual(rates[i - 1]!);
    // No jumps: in a long run, the rate changes little from one step to the next.
    if (schedule.steps === 400)
      for (let i = 1; i < rates.length; i += 1)
        expect(Math.abs(rates[i]! - rates[i - 1]!)).toBeLessThan(0.03 * schedule.learningRate);
  });
});
