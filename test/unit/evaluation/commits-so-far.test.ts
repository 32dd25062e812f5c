import { expect, it } from 'vitest';
import { commitsSoFar } from '../../../src/evaluation/commits-so-far.ts';
import type { CommitItem } from '../../../src/evaluation/tasks/commits.ts';

/** One cursor; characters saved of ten. */
const at = (commit: string, before: number, after: number) => ({
  item: { commit, at: `2026-01-0${commit}T00:00:00Z`, document: commit } as CommitItem,
  scores: [before, after].map((sum) => ({ parts: { 'characters saved': { sum, weight: 10 } } })),
});

it('gives the shares in all commits up to each from the fourth on, and the difference with its interval over commits', () => {
  const cursors = [
    at('1', 2, 4),
    at('1', 0, 2),
    at('2', 10, 10),
    at('3', 0, 5),
    at('4', 3, 6),
    at('5', 5, 5),
  ];
  const found = commitsSoFar(
    cursors.map(({ item }) => item),
    [0, 1].map((model) => cursors.map(({ scores }) => scores[model]!)),
  );
  expect(
    found.map(({ commit, commits, cursors: count, before, after }) => [
      commit,
      commits,
      count,
      before,
      after,
    ]),
  ).toEqual([
    ['4', 4, 5, 0.3, 0.54],
    ['5', 5, 6, 20 / 60, 32 / 60],
  ]);
  const { value, low, high } = found[0]!.difference;
  expect(value).toBeCloseTo(0.24);
  // The jackknife over four commits by hand: t with three degrees of freedom, 3.182 times .0810. Ours is wider, because
  // the commits differ in length.
  expect(high - value).toBeGreaterThan(0.2578);
  expect(value - low).toBeGreaterThan(0.2578);
});

it('says nothing before the fourth commit', () => {
  const cursors = [at('1', 2, 4), at('2', 10, 10), at('3', 0, 5)];
  const scores = [0, 1].map((model) => cursors.map((one) => one.scores[model]!));
  expect(
    commitsSoFar(
      cursors.map(({ item }) => item),
      scores,
    ),
  ).toEqual([]);
});
