/** Frontiers, computed by hand and by properties of any points. */
import { describe, expect, it } from 'vitest';
import {
  atEqualForgetting,
  atEqualLearning,
  forgottenAt,
  frontierOf,
  learnedAt,
  mostLearned,
} from '../../../src/reproduce/frontier.ts';
import { uniform } from '../../../src/statistics/random.ts';

const at = (learned: number, forgotten: number) => ({ learned, forgotten });

describe('a frontier', () => {
  it('leaves out points that another one, or the line between two, dominates', () => {
    const points = [at(0.4, 0.3), at(0.2, 0.05), at(0.2, 0.2), at(0.3, 0.2), at(-0.1, 0.01), at(0.35, 0.4)];
    expect(frontierOf(points)).toEqual([at(0, 0), at(0.2, 0.05), at(0.4, 0.3)]);
  });

  it('is interpolated linearly, in both directions', () => {
    const frontier = frontierOf([at(0.2, 0.05), at(0.4, 0.35)]);
    expect(forgottenAt(frontier, 0.1)).toBeCloseTo(0.025, 12);
    expect(forgottenAt(frontier, 0.3)).toBeCloseTo(0.2, 12);
    expect(forgottenAt(frontier, 0.5)).toBeNaN();
    expect(learnedAt(frontier, 0.2)).toBeCloseTo(0.3, 12);
    expect(learnedAt(frontier, 0.9)).toBe(0.4);
    expect(learnedAt(frontier, 0)).toBe(0);
  });

  it('never gets worse with a further point', () => {
    const random = uniform(3);
    for (let turn = 0; turn < 200; turn += 1) {
      const points = Array.from({ length: 6 }, () => at(random() - 0.2, random()));
      const [with_, without] = [frontierOf(points), frontierOf(points.slice(1))];
      for (const learned of [0.1, 0.3, 0.5])
        if (learned <= mostLearned(without))
          expect(forgottenAt(with_, learned)).toBeLessThanOrEqual(forgottenAt(without, learned) + 1e-12);
    }
  });
});

describe('comparing two frontiers', () => {
  const slow = frontierOf([at(0.2, 0.1), at(0.4, 0.3)]);
  const fast = frontierOf([at(0.5, 0.2), at(1, 0.6)]);

  it('is done where the one that learned less ends, and halfway there', () => {
    expect(atEqualLearning([slow, fast], 1)).toEqual([0.3, expect.closeTo(0.16, 12)]);
    expect(atEqualLearning([slow, fast], 0.5)).toEqual([0.1, expect.closeTo(0.08, 12)]);
  });

  it('is done where the one that forgot less ends', () => {
    expect(atEqualForgetting([slow, fast])).toEqual([0.4, expect.closeTo(0.625, 12)]);
  });

  it('has no result if one learned nothing', () => {
    expect(atEqualLearning([frontierOf([at(-0.1, 1)]), fast], 1)).toEqual([NaN, NaN]);
  });
});
