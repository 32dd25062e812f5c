import { expect, it } from 'vitest';
import { lateGain } from '../../../src/findings/late-gain.ts';
import type { RunEvent } from '../../../src/protocol/events.ts';

const measured = (
  losses: [step: number, value: number][],
  setting = 'during training: 9 sequences',
): RunEvent[] =>
  losses.map(([step, value]) => ({
    ...{ type: 'evaluation', time: '', step },
    result: { task: 'workspace', metric: 'loss', value, low: value, high: value, n: 9, setting },
  }));
const loss = (...losses: [number, number][]) => lateGain(measured(losses));

it('is the share of the fall in held-out loss after the middle', () => {
  expect(loss([0, 2], [50, 1.25], [100, 1])).toBeCloseTo(0.25);
  // Between two measurements.
  expect(loss([0, 2], [40, 1.3], [60, 1.1], [100, 1])).toBeCloseTo(0.2);
  expect(loss([0, 2], [50, 1.5], [100, 1.3], [144, 1])).toBeCloseTo(0.412);
});

it('is all or nothing where the loss rose in one half', () => {
  expect(loss([0, 2], [50, 2.1], [100, 1])).toBe(1);
  expect(loss([0, 2], [50, 0.9], [100, 1])).toBe(0);
});

it('is unknown if nothing was learned, or the middle was not measured', () => {
  expect(loss([0, 2], [50, 1.5], [100, 2])).toBeUndefined();
  expect(loss([0, 2], [100, 1])).toBeUndefined();
  expect(loss([0, 2], [20, 1.5], [100, 1])).toBeUndefined();
  expect(loss()).toBeUndefined();
});

it('leaves out the evaluation after the training, which measures other text', () => {
  const after = measured([[0, 3], [100, 2.9]], '20 sequences'); // oxfmt-ignore
  expect(lateGain([...measured([[0, 2], [50, 1.25], [100, 1]]), ...after])).toBeCloseTo(0.25); // oxfmt-ignore
  expect(lateGain(after)).toBeUndefined();
});

it('leaves out what a rollback undid', () => {
  const back = { type: 'rollback', time: '', step: 60, to: 0, why: '', texts: undefined, rateScale: 0.5 };
  const events = [
    ...measured([
      [0, 2],
      [50, 1.9],
    ]),
    back,
    ...measured([
      [50, 1.5],
      [100, 1],
    ]),
  ];
  expect(lateGain(events as RunEvent[])).toBeCloseTo(0.5);
});
