/**
 * The reported gain of a chosen strength is closer to the true one if no file is measured at a strength chosen with
 * it.
 */
import { expect, it } from 'vitest';
import { biasOfChoice, gains, variations } from '../../../bench/coverage/choice.ts';

const DRAWS = 250;

it.each([
  ['weak', 8],
  ['weak', 16],
  ['middling', 16],
  ['strong', 16],
])('a %s gain, %s files', (gain, files) => {
  const { truth, chosenBy, others } = biasOfChoice({ ...gains[gain]!, ...variations.small }, files, DRAWS);
  const before = chosenBy.chosen - truth;
  expect(before).toBeGreaterThan(0.05 * truth);
  expect(Math.abs(chosenBy.crossFitted - truth)).toBeLessThan(before / 2);
  // On other cursors of the same files, as in the report.
  expect(Math.abs(others.crossFitted - truth)).toBeLessThan(0.07 * truth);
});

it('without a true gain, a gain is reported less often than a strength is offered', () => {
  const { offered, seen } = biasOfChoice({ ...gains['none']!, ...variations.small }, 16, 2 * DRAWS);
  expect(offered).toBeGreaterThan(0.015);
  expect(seen).toBeLessThan(0.75 * offered);
});
