import { describe, expect, it } from 'vitest';
import { FIRST_STEP, LONGEST_STEP, mostAfter, nextStep } from '../../../src/serving/prompt-steps.ts';

function stepsOf(rows: number, most: number): number[] {
  const steps = [];
  for (let rest = rows; rest > 0; rest -= steps.at(-1)!) steps.push(nextStep(rest, most));
  return steps;
}

describe('the steps of a prompt', () => {
  it.each([
    [350, 78, [70, 70, 70, 70, 70]],
    [350, 64, [30, 64, 64, 64, 64, 64]],
    [90, 78, [26, 64]],
    [128, 78, [64, 64]],
    [78, 78, [78]],
    [50, 24, [17, 17, 16]],
    [5, 64, [5]],
  ])('%d rows, at most %d at once', (rows, most, steps) => expect(stepsOf(rows, most)).toEqual(steps));

  it('none is longer than may be, and all rows are read', () => {
    for (let rows = 1; rows < 600; rows += 7)
      for (const most of [4, 8, 24, 40, 64, 80, LONGEST_STEP]) {
        const steps = stepsOf(rows, most);
        expect(steps.reduce((sum, step) => sum + step, 0)).toBe(rows);
        expect(Math.max(...steps)).toBeLessThanOrEqual(most);
      }
  });
});

describe('how many rows may be computed at once', () => {
  it.each([
    ['fast', 0.5, LONGEST_STEP],
    ['a tile and a little', 3, 75],
    ['no time for a tile', 5, 32],
    ['slow', 20, 8],
    ['very slow', 500, 4],
  ])('%s', (_, msPerRow, most) => expect(mostAfter(64, 64, 64 * msPerRow)).toBe(most));

  it('a short step raises it only where it is all that is allowed, and lowers it where even it was slow', () => {
    expect(mostAfter(64, 20, 20)).toBe(64);
    expect(mostAfter(64, 20, 200)).toBe(16);
    expect(mostAfter(64, 5, 500)).toBe(64);
    expect(mostAfter(FIRST_STEP, FIRST_STEP, FIRST_STEP)).toBe(LONGEST_STEP);
  });
});
