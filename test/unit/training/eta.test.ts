import { expect, it } from 'vitest';
import { Eta } from '../../../src/training/eta.ts';

it('counts the steps and evaluations that are left, and forgets a slow first step', () => {
  const eta = new Eta(100, 20);
  expect(eta.step(1, 30)).toBe(99 * 30);
  for (let step = 2; step <= 40; step += 1) eta.step(step, 2);
  eta.evaluation(5);
  expect(eta.step(41, 2)).toBe(59 * 2 + 3 * 5);
  expect(eta.secondsPerStep).toBe(2);
});
