/** Thins long series to what a screen can show. */
import type { Point } from './series.ts';

export interface Range {
  min: number;
  max: number;
}

/**
 * Keeps at most four points in each of `columns` columns: the first, lowest, highest and last, so that the line through
 * them covers the same pixels (M4; Jugel et al. 2014). `points` are in order of x. With a range, keeps only points in
 * it and one neighbour on each side, so that the line leaves the chart at the right place.
 */
export function decimate<T extends Point>(points: readonly T[], columns: number, range?: Range): T[] {
  const from = range ? Math.max(0, firstAt(points, range.min) - 1) : 0;
  const to = range ? Math.min(points.length, firstAt(points, range.max) + 2) : points.length;
  if (to - from <= 4 * columns) return points.slice(from, to);
  const low = points[from]!.x;
  const width = (points[to - 1]!.x - low) / columns;
  const out: T[] = [];
  let begin = from;
  for (let column = 1; column <= columns && begin < to; column += 1) {
    let end = begin;
    let least = begin;
    let most = begin;
    const border = column === columns ? Infinity : low + column * width;
    for (; end < to && points[end]!.x < border; end += 1) {
      if (points[end]!.y < points[least]!.y) least = end;
      if (points[end]!.y > points[most]!.y) most = end;
    }
    if (end === begin) continue;
    const kept = new Set([begin, Math.min(least, most), Math.max(least, most), end - 1]);
    for (const at of kept) out.push(points[at]!);
    begin = end;
  }
  return out;
}

/** Index of the first point whose x is at least `x`. */
function firstAt(points: readonly Point[], x: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]!.x < x) low = middle + 1;
    else high = middle;
  }
  return low;
}
