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
    ['not known yet', undefined, 0, FIRST_STEP],
    ['not known, though it takes long', undefined, 5000, FIRST_STEP],
    ['fast', 0.5, 0, TILE],
    ['just a tile', 3.4, 0, TILE],
    ['no time for a tile', 4, 0, 48],
    ['slow', 15, 0, 8],
    ['very slow', 500, 0, 4],
    ['time for a tile, by now', 4, 600, TILE],
    ['slow, for a second', 15, 1000, 24],
    ['slow, for a minute', 15, 60_000, 56],
  ])('%s', (_, msPerRow, waitedMs, most) => expect(mostRows(msPerRow, waitedMs)).toBe(most));

  it('goes by what steps took, no one of which counts for all', () => {
    expect(rowTime(undefined, 64, 210)).toBe(3);
    expect(rowTime(undefined, 16, 66)).toBe(3);
    expect(rowTime(3, 64, 350)).toBeCloseTo(3.6);
    let time = 3;
    for (let step = 0; step < 20; step += 1) time = rowTime(time, 64, 700);
    expect(time).toBeCloseTo(10, 1);
  });
});

/** What a step costs on a machine, in ms: once, for each row, and for each row of a tile. */
interface Machine {
  fixed: number;
  row: number;
  tiled: number;
}

/** Reads a prompt there. Returns the time of all steps, and of those that took longer than they may. */
function read(rows: number, { fixed, row, tiled }: Machine) {
  const cost = (size: number) => fixed + size * (size === TILE ? tiled : row);
  let known = rowTime(undefined, FIRST_STEP, cost(FIRST_STEP));
  let [waited, rest] = [0, rows];
  const tooLong: number[] = [];
  while (rest > 0) {
    const size = nextStep(rest, mostRows(known, waited));
    const took = cost(size);
    if (size > 4 && took > 1.1 * Math.max(240, Math.min(1000, waited / 2))) tooLong.push(took);
    known = rowTime(known, size, took);
    [waited, rest] = [waited + took, rest - size];
  }
  return { waited, tooLong };
}

describe('a prompt of 350 rows', () => {
  // Measured costs (docs/benchmarks.md), and them at a fifth of the speed.
  it.each([
    ['135M, two cores', { fixed: 8, row: 1.7, tiled: 1.53 }, 1.1],
    ['0.5B, two cores', { fixed: 28, row: 4.05, tiled: 3.77 }, 1.2],
    ['0.5B, one core', { fixed: 56, row: 8.1, tiled: 7.53 }, 1.25],
    ['1.5B, one core', { fixed: 45, row: 22.5, tiled: 21.8 }, 1.15],
    ['0.5B, a busy machine', { fixed: 280, row: 40.5, tiled: 37.7 }, 1.6],
  ])('%s: little slower than at once, and soon left', (_, machine, most) => {
    const { waited, tooLong } = read(350, machine);
    expect(waited / (machine.fixed + 350 * machine.tiled)).toBeLessThan(most);
    expect(tooLong).toEqual([]);
  });
});
