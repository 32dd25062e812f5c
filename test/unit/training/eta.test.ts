import { expect, it } from 'vitest';
import { Eta } from '../../../src/training/eta.ts';

it('counts the remaining steps and evaluations, and forgets a slow first step', () => {
  const eta = new Eta({ steps: 100 }, 20);
  eta.addStep(30);
  expect(eta.secondsLeftAfter(1)).toBe(99 * 30);
  for (let step = 2; step <= 41; step += 1) eta.addStep(2);
  eta.addEvaluation(4);
  eta.addCheckpoint(1);
  expect(eta.secondsLeftAfter(41)).toBe(59 * 2 + 3 * 5);
  expect(eta.secondsPerStep).toBe(2);
});

it('has a mean that includes slow steps', () => {
  const eta = new Eta({ steps: 100 }, 20);
  for (const seconds of [30, 1, 1, 1, 5]) eta.addStep(seconds);
  expect(eta.meanSecondsPerStep).toBe(2);
  expect(eta.secondsPerStep).toBe(1);
});
