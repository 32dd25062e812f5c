import { expect, it } from 'vitest';
import { betweenPoints, type Path } from '../../../bench/recipes/paths.ts';

const at = (value: number) => ({ value, low: value, high: value });
const path = (name: string, points: readonly [learned: number, kl: number][]): Path => ({
  name,
  points: points.map(([learned, kl], index) => ({ strength: index + 1, learned: at(learned), kl: at(kl) })),
});

it('reports what the first path forgets at equal learning', () => {
  const first = path('ours', [
    [-0.2, 0.1],
    [-0.1, 0.02],
  ]);
  const [early, late] = betweenPoints([
    first,
    path('theirs', [
      [-0.05, 0.04],
      [-0.15, 0.2],
    ]),
  ]);
  expect(early).toMatchObject({ name: 'theirs', learned: -0.05, kl: { there: 0.04 } });
  expect(early!.kl.first).toBeCloseTo(0.01);
  expect(late!.kl.first).toBeCloseTo(0.06);
});

it('leaves out gains that the first path does not reach, and paths that learned nothing', () => {
  const first = path('ours', [[-0.1, 0.02]]);
  expect(
    betweenPoints([
      first,
      path('theirs', [
        [-0.11, 0.3],
        [0.02, 0.1],
      ]),
    ]),
  ).toEqual([]);
});
