import { describe, expect, it } from 'vitest';
import { FIRST_STEP, mostRows, nextStep, rowTime, TILE } from '../../../src/serving/tokens/prompt-steps.ts';

function stepsOf(rows: number, most: number): number[] {
  const steps = [];
  for (let rest = rows; rest > 0; rest -= steps.at(-1)!) steps.push(nextStep(rest, most));
  return steps;
}

describe('the steps of a prompt', () => {
  it.each([
    [350, 64, [30, 64, 64, 64, 64, 64]],
    [90, 64, [26, 64]],
    [128, 64, [64, 64]],
    [50, 24, [17, 17, 16]],
    [5, 64, [5]],
  ])('%d rows, at most %d at once', (rows, most, steps) => expect(stepsOf(rows, most)).toEqual(steps));

  it('none is longer than may be, and all rows are read', () => {
    for (let rows = 1; rows < 600; rows += 7)
      for (const most of [4, 8, 24, 40, TILE]) {
        const steps = stepsOf(rows, most);
        expect(steps.reduce((sum, step) => sum + step, 0)).toBe(rows);
        expect(Math.max(...steps)).toBeLessThanOrEqual(most);
      }
  });
});

describe('how many rows may be computed at once', () => {
  it.each([
    ['not known yet', undefined, FIRST_STEP],
    ['fast', 0.5, TILE],
    ['just a tile', 3.7, 64],
    ['no time for a tile', 4, 32],
    ['slow', 15, 8],
    ['very slow', 500, 4],
  ])('%s', (_, msPerRow, most) => expect(mostRows(msPerRow)).toBe(most));

  it('goes by what steps took, no one of which counts for all', () => {
    expect(rowTime(undefined, 64, 192)).toBe(3);
    expect(rowTime(undefined, 16, 60)).toBe(3);
    expect(rowTime(3, 64, 320)).toBeCloseTo(3.6);
    let time = 3;
    for (let step = 0; step < 20; step += 1) time = rowTime(time, 64, 640);
    expect(time).toBeCloseTo(10, 1);
  });
});
