import { describe, expect, it } from 'vitest';
import { calibrate, type Outcome } from '../../../src/completion/answer/calibrate.ts';
import { chanceOf, defaultCalibration } from '../../../src/completion/answer/chance.ts';
import { uniform, mix } from '../../../src/statistics/random.ts';

/** Outcomes drawn from this calibration. */
function outcomes(count: number, calibration: { bias: number; slope: number }): Outcome[] {
  const random = uniform(mix(7));
  return Array.from({ length: count }, () => {
    const logprob = -6 * random();
    return { logprob, right: random() < chanceOf(logprob, calibration) };
  });
}

describe('calibrating a model', () => {
  it('returns the default without outcomes, and nearly the default with few', () => {
    expect(calibrate([])).toEqual(defaultCalibration);
    const few = calibrate(outcomes(4, { bias: -1, slope: 0.5 }));
    expect(Math.abs(few.slope - defaultCalibration.slope)).toBeLessThan(0.25);
  });

  it('is fitted to many outcomes', () => {
    const truth = { bias: -0.5, slope: 0.6 };
    const found = calibrate(outcomes(4000, truth));
    expect(found.bias).toBeCloseTo(truth.bias, 0);
    expect(found.slope).toBeCloseTo(truth.slope, 1);
  });

  it('stays finite if all or none were right', () => {
    for (const right of [true, false]) {
      const found = calibrate(Array.from({ length: 300 }, () => ({ logprob: -1, right })));
      expect(Number.isFinite(found.bias)).toBe(true);
      expect(found.slope).toBeGreaterThan(0);
      expect(chanceOf(-1, found) > 0.5).toBe(right);
    }
  });

  it('handles many long lines, which are unlikely as a whole', () => {
    const random = uniform(mix(8));
    for (let round = 0; round < 200; round += 1) {
      const truth = { bias: 2 * random(), slope: 0.2 + random() };
      const found = calibrate(
        Array.from({ length: 1000 }, () => {
          const logprob = 6 * Math.log(1 - random());
          return { logprob, right: random() < chanceOf(logprob, truth) };
        }),
      );
      expect(Math.abs(found.bias - truth.bias)).toBeLessThan(0.75);
      expect(Math.abs(found.slope - truth.slope)).toBeLessThan(0.5);
    }
  });

  it('never makes a more certain model less likely to be right', () => {
    const wrong = [...Array(200).keys()].map((at) => ({ logprob: -at / 40, right: at > 100 }));
    expect(calibrate(wrong).slope).toBeGreaterThan(0);
  });
});
