/** What a method can reach: the least forgetting for a given amount of learning. Pure; rule: docs/science.md. */

/** A model compared with its base, nats per token. */
interface Point {
  /** The base's held-out loss minus the model's. */
  learned: number;
  forgotten: number;
}

export type Frontier = readonly Point[];

/**
 * The lower convex hull of the base (0, 0) and the points, up to the one that learned most, in order of learning. A
 * hull changes continuously when a point moves, and an additional point never makes a method look worse.
 */
export function frontierOf(points: readonly Point[]): Frontier {
  const hull: Point[] = [{ learned: 0, forgotten: 0 }];
  for (;;) {
    const from = hull.at(-1)!;
    const slope = (to: Point) => (to.forgotten - from.forgotten) / (to.learned - from.learned);
    const [next] = points
      .filter(({ learned }) => learned > from.learned)
      .sort((a, b) => slope(a) - slope(b) || b.learned - a.learned);
    if (!next) return hull;
    hull.push(next);
  }
}

export const mostLearned = (frontier: Frontier): number => frontier.at(-1)!.learned;

/** The least forgetting at a given amount of learning; NaN beyond the frontier's end. */
export function forgottenAt(frontier: Frontier, learned: number): number {
  const to = frontier.findIndex((point) => point.learned >= learned);
  if (to < 1) return to === 0 ? 0 : NaN;
  const [from, next] = [frontier[to - 1]!, frontier[to]!];
  const share = (learned - from.learned) / (next.learned - from.learned);
  return from.forgotten + share * (next.forgotten - from.forgotten);
}

/** The most learning with at most this much forgetting. */
export function learnedAt(frontier: Frontier, forgotten: number): number {
  const to = frontier.findIndex((point) => point.forgotten > forgotten);
  if (to < 0) return mostLearned(frontier);
  const [from, next] = [frontier[to - 1]!, frontier[to]!];
  const share = (forgotten - from.forgotten) / (next.forgotten - from.forgotten);
  return from.learned + share * (next.learned - from.learned);
}

/**
 * The forgetting of each frontier where it has learned `share` of the maximum that all of them reach; NaN if one
 * learned nothing.
 */
export function atEqualLearning(frontiers: readonly Frontier[], share: number): number[] {
  const shared = Math.min(...frontiers.map(mostLearned));
  return frontiers.map((frontier) => (shared > 0 ? forgottenAt(frontier, share * shared) : NaN));
}

/** The learning of each frontier at equal forgetting: that at the end of the one that forgot least. */
export function atEqualForgetting(frontiers: readonly Frontier[]): number[] {
  const shared = Math.min(...frontiers.map((frontier) => frontier.at(-1)!.forgotten));
  return frontiers.map((frontier) => learnedAt(frontier, shared));
}
