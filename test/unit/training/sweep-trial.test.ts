import { expect, it } from 'vitest';
import { klDivergence } from '../../../src/training/sweep-trial.ts';

it('measures KL(p || q) in nats', () => {
  const kl = (p: number[], q: number[]) => klDivergence(Float32Array.from(p), Float32Array.from(q));
  expect(kl([0.5, 0.5], [0.9, 0.1])).toBeCloseTo(0.5 * Math.log(0.5 / 0.9) + 0.5 * Math.log(5), 5);
  expect(kl([1, 0], [0.25, 0.75])).toBeCloseTo(Math.log(4), 6);
  expect(kl([0.2, 0.8], [0.2, 0.8])).toBe(0);
  // What f32 rounded to zero is far away, but not infinitely.
  expect(kl([0.5, 0.5], [1, 0])).toBeGreaterThan(40);
  expect(kl([0.5, 0.5], [1, 0])).toBeLessThan(50);
});
