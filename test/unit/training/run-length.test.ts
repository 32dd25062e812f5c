import { describe, expect, it } from 'vitest';
import { RunLength } from '../../../src/training/run-length.ts';

/** Simulates a run whose steps take `secondsOf` their number; returns its seconds and steps. */
function goThrough(
  length: RunLength,
  {
    secondsOf,
    evalEvery,
    perEvaluation = 0,
  }: { secondsOf(step: number): number; evalEvery: number; perEvaluation?: number },
) {
  let trained = 0;
  const recent: number[] = [];
  let step = 0;
  while (step < length.steps) {
    step += 1;
    trained += secondsOf(step);
    if (step > 1) recent.push(secondsOf(step));
    if (recent.length > 21) recent.shift();
    const perStep = recent.reduce((sum, seconds) => sum + seconds, 0) / recent.length || secondsOf(step);
    length.fit(step, { trained, perStep, perEvaluation });
    if (step % evalEvery === 0 || step === length.steps) trained += perEvaluation;
  }
  return { seconds: trained, steps: step };
}

describe('the length of a run', () => {
  it('is as requested if given in steps', () => {
    const length = new RunLength({ steps: 40, evalEvery: 10 });
    expect(length.guess({ perStep: 1, perSecond: 1e9 })).toBe(false);
    expect(length.fit(3, { trained: 30, perStep: 10, perEvaluation: 0 })).toBeUndefined();
    expect(length.steps).toBe(40);
  });

  it('is first estimated from the speed of large products', () => {
    const length = new RunLength({ steps: 40, evalEvery: 10 }, 10);
    // 512 tokens of 2e9 operations each at 110e9 per second, of which training achieves .55.
    expect(length.guess({ perStep: 512 * 2e9, perSecond: 110e9 })).toBe(true);
    expect(length.steps).toBe(35);
  });

  it('uses its minutes if the machine is a hundred times faster than guessed, and ends soon if it is not', () => {
    const guessed = () => {
      const length = new RunLength({ steps: 40, evalEvery: 10 }, 1);
      length.guess({ perStep: 512 * 2e9, perSecond: 1e9 });
      return length;
    };
    const { seconds, steps } = goThrough(guessed(), { secondsOf: () => 2, evalEvery: 10, perEvaluation: 3 });
    expect(steps).toBeGreaterThan(20);
    expect(seconds).toBeGreaterThan(54);
    expect(seconds).toBeLessThan(66);
    expect(goThrough(guessed(), { secondsOf: () => 70, evalEvery: 10 }).steps).toBe(1);
  });

  it.each([
    [1, 25, 2],
    [1, 30, 2],
    [2, 50, 3],
  ])(
    'uses its %i min even if the first step takes %i s of them, and the others %i s',
    (minutes, first, rest) => {
      const length = new RunLength({ steps: 40, evalEvery: 14 }, minutes);
      const { seconds } = goThrough(length, { secondsOf: (at) => (at === 1 ? first : rest), evalEvery: 14 });
      expect(Math.abs(seconds - 60 * minutes)).toBeLessThanOrEqual(6 * minutes);
      // If all are as slow, no more than that are done.
      const slow = new RunLength({ steps: 40, evalEvery: 14 }, minutes);
      expect(goThrough(slow, { secondsOf: () => first, evalEvery: 14 })).toEqual({
        seconds: 2 * first,
        steps: 2,
      });
    },
  );

  it('makes no step more if it is resumed shortly before its end', () => {
    const length = new RunLength({ steps: 58, evalEvery: 10 }, 580 / 60);
    expect(length.fit(57, { trained: 570, perStep: 10, perEvaluation: 0.1 })).toBeUndefined();
  });

  it.each([
    ['twice as fast as expected', 76, () => 4],
    ['five times slower', 76, () => 40],
    ['a slow first step', 76, (step: number) => (step === 1 ? 20 : 4)],
    ['a machine that gets hot', 150, (step: number) => Math.min(6, 4 + step * 0.05)],
    ['a machine that is busy in the middle', 150, (step: number) => (step > 40 && step < 70 ? 9 : 4)],
    ['a correct guess', 150, () => 4],
  ])('takes the stated minutes, to within a tenth: %s', (_, steps, secondsOf) => {
    const evalEvery = Math.min(50, Math.ceil(steps / 3));
    const length = new RunLength({ steps, evalEvery }, 10);
    const { seconds } = goThrough(length, { secondsOf, evalEvery, perEvaluation: 8 });
    expect(seconds).toBeGreaterThan(540);
    expect(seconds).toBeLessThan(660);
  });

  it('counts the remaining held-out losses, including the last one', () => {
    // As on a slow machine: three minutes, with 14 seconds for each held-out loss.
    const length = new RunLength({ steps: 68, evalEvery: 23 }, 3);
    const { seconds } = goThrough(length, { secondsOf: () => 5.8, evalEvery: 23, perEvaluation: 14 });
    expect(seconds).toBeGreaterThan(162);
    expect(seconds).toBeLessThan(198);
  });

  it('does not change by less than a user would notice', () => {
    const length = new RunLength({ steps: 150, evalEvery: 50 }, 10);
    goThrough(length, { secondsOf: (step) => 4 + 0.04 * (step % 3), evalEvery: 50 });
    expect(length.steps).toBe(150);
  });

  it('is never less than the number of completed steps', () => {
    const length = new RunLength({ steps: 150, evalEvery: 50 }, 1);
    const fitted = length.fit(1, { trained: 300, perStep: 300, perEvaluation: 0 });
    expect(fitted).toEqual({ steps: 1, minutes: 1 });
    expect(length.steps).toBe(1);
  });
});
