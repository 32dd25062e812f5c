import { describe, expect, it } from 'vitest';
import {
  MIN_STEPS,
  minBudget,
  trialSeconds,
  trialSteps,
} from '../../../src/training/learning-rate/trial-budget.ts';

const hyper = { steps: 1000, batch: 1, accumulate: 1 };
const costs = { rates: 3, windows: 8, perStep: 4, spent: 8 };

/** Seconds that trials of this many steps take: a forward pass takes at most half of a step. */
const secondsOf = (steps: number, { rates, windows, perStep, spent }: typeof costs) =>
  spent + rates * steps * perStep + (steps * perStep) / 2 + (rates + 1) * windows * (perStep / 2);

describe('trialSteps', () => {
  it('takes 15% of the steps for all trials together', () => {
    expect(trialSteps({ hyper: { ...hyper, steps: 600 } }, costs)).toBe(30);
    expect(trialSteps({ hyper: { ...hyper, steps: 160 } }, costs)).toBe(MIN_STEPS);
    expect(trialSteps({ hyper: { ...hyper, steps: 159 } }, costs)).toBeLessThan(MIN_STEPS);
  });
  it('takes no more than 40 steps, however long the run', () => {
    expect(trialSteps({ hyper: { ...hyper, steps: 1e6 } }, costs)).toBe(40);
    expect(trialSteps({ minutes: 6000, hyper }, costs)).toBe(40);
  });
  it.each([20, 40, 60])('keeps to 15%% of %d minutes, and uses most of it', (minutes) => {
    const steps = trialSteps({ minutes, hyper }, costs);
    const seconds = secondsOf(steps, costs);
    expect(seconds).toBeLessThan(trialSeconds({ minutes, hyper }));
    expect(seconds).toBeGreaterThan(0.75 * trialSeconds({ minutes, hyper }));
  });
  it('is none if measuring alone takes longer', () => {
    expect(trialSteps({ minutes: 5, hyper }, costs)).toBe(0);
  });
  it('counts a window as a fraction of a step with many sequences', () => {
    const many = { minutes: 60, hyper: { ...hyper, accumulate: 8 } };
    expect(trialSteps(many, costs)).toBeGreaterThan(trialSteps({ ...many, hyper }, costs));
  });
});

describe('minBudget', () => {
  it.each([1, 2, 3])('is the first number of steps with room for trials of %d rates', (rates) => {
    const steps = minBudget({ hyper }, { ...costs, rates });
    const at = (of: number) => trialSteps({ hyper: { ...hyper, steps: of } }, { ...costs, rates });
    expect([at(steps), at(steps - 1)]).toEqual([MIN_STEPS, MIN_STEPS - 1]);
  });
  it('is in minutes if given in minutes, including measuring', () => {
    const minutes = minBudget({ minutes: 1, hyper }, costs);
    expect(trialSteps({ minutes: 1.001 * minutes, hyper }, costs)).toBe(MIN_STEPS);
    expect(trialSteps({ minutes: 0.999 * minutes, hyper }, costs)).toBe(MIN_STEPS - 1);
  });
});
