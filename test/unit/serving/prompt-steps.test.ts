import { describe, expect, it } from 'vitest';
import {
  FIRST_STEP,
  MAX_ROWS,
  maxRows,
  nextStep,
  rowTime,
  TILE,
} from '../../../src/serving/tokens/prompt-steps.ts';

function stepsOf(rows: number, most: number): number[] {
  const steps = [];
  for (let rest = rows; rest > 0; rest -= steps.at(-1)!) steps.push(nextStep(rest, most));
  return steps;
}

describe('the steps of a prompt', () => {
  it.each([
    [350, 64, [30, 64, 64, 64, 64, 64]],
    [350, 96, [88, 88, 87, 87]],
    [100, 96, [36, 64]],
    [90, 64, [26, 64]],
    [128, 64, [64, 64]],
    [50, 24, [17, 17, 16]],
    [5, 64, [5]],
  ])('%d rows, at most %d at once', (rows, most, steps) => expect(stepsOf(rows, most)).toEqual(steps));

  it('are within the limit, and cover all rows', () => {
    for (let rows = 1; rows < 600; rows += 7)
      for (const most of [4, 8, 24, 40, TILE, 80, MAX_ROWS]) {
        const steps = stepsOf(rows, most);
        expect(steps.reduce((sum, step) => sum + step, 0)).toBe(rows);
        expect(Math.max(...steps)).toBeLessThanOrEqual(most);
      }
  });
});

describe('the number of rows to compute at once', () => {
  it.each([
    ['not known yet', undefined, 0, FIRST_STEP],
    ['not known, after a long wait', undefined, 5000, FIRST_STEP],
    ['fast', 0.5, 0, MAX_ROWS],
    ['more than a tile', 2.5, 0, 70],
    ['just a tile', 4.2, 0, TILE],
    ['no time for a tile', 4.5, 0, 32],
    ['slow', 12, 0, 8],
    ['very slow', 500, 0, 4],
    ['time for a tile after a wait', 4.5, 700, TILE],
    ['slow, after a second', 15, 1000, 24],
    ['slow, for a minute', 15, 60_000, 56],
  ])('%s', (_, msPerRow, waitedMs, most) => expect(maxRows(msPerRow, waitedMs)).toBe(most));

  it('depends on the measured times of several steps', () => {
    expect(rowTime(undefined, 64, 210)).toBe(3);
    expect(rowTime(undefined, 16, 66)).toBe(3);
    expect(rowTime(3, 64, 350)).toBeCloseTo(3.6);
    let time = 3;
    for (let step = 0; step < 20; step += 1) time = rowTime(time, 64, 700);
    expect(time).toBeCloseTo(10, 1);
  });
});

/** The cost of a step on a machine, in ms: fixed, per row, and per row in tiles. */
interface Machine {
  fixed: number;
  row: number;
  tiled: number;
}

/** Reads a prompt there after others. Returns the time of all steps, and that of the longest. */
function read(rows: number, { fixed, row, tiled }: Machine) {
  const cost = (size: number) => fixed + size * (size >= TILE ? tiled : row);
  let known: number | undefined;
  const readOnce = () => {
    let [waited, rest, longest] = [0, rows, 0];
    while (rest > 0) {
      const size = nextStep(rest, maxRows(known, waited));
      known = rowTime(known, size, cost(size));
      [waited, rest, longest] = [waited + cost(size), rest - size, Math.max(longest, cost(size))];
    }
    return { waited, longest };
  };
  for (let prompt = 0; prompt < 3; prompt += 1) readOnce();
  return readOnce();
}

describe('a prompt of 350 rows', () => {
  // Measured costs (docs/benchmarks.md), also at a fifth of the speed.
  it.each([
    ['135M, two cores', { fixed: 8, row: 1.7, tiled: 1.53 }, 1.05, 190],
    ['135M, one core', { fixed: 5, row: 4.4, tiled: 3.97 }, 1.03, 300],
    ['0.5B, two cores', { fixed: 28, row: 4.05, tiled: 3.77 }, 1.12, 300],
    ['0.5B, one core', { fixed: 30, row: 7.9, tiled: 7 }, 1.16, 480],
    ['1.5B, one core', { fixed: 45, row: 22.5, tiled: 21.8 }, 1.12, 1000],
    ['0.5B, a busy machine', { fixed: 280, row: 40.5, tiled: 37.7 }, 1.6, 1000],
  ])('%s: hardly slower than in one step, and quick to cancel', (_, machine, most, ms) => {
    const { waited, longest } = read(350, machine);
    expect(waited / (machine.fixed + 350 * machine.tiled)).toBeLessThan(most);
    expect(longest).toBeLessThan(ms);
  });
});
