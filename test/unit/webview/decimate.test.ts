import { describe, expect, it } from 'vitest';
import { decimate } from '../../../webview/view-model/decimate.ts';
import { Random } from '../../support/random.ts';

const series = (count: number, of: (x: number) => number) =>
  Array.from({ length: count }, (_, x) => ({ x, y: of(x) }));
/** The vertical extent drawn in each pixel column, by a plain search over its points. */
function extents(points: readonly { x: number; y: number }[], columns: number, most: number): string[] {
  return Array.from({ length: columns }, (_, column) => {
    const [from, to] = [(column * most) / columns, ((column + 1) * most) / columns];
    const last = column === columns - 1;
    const ys = points.filter(({ x }) => x >= from && (x < to || last)).map(({ y }) => y);
    return ys.length ? `${Math.min(...ys)} ${Math.max(...ys)} ${ys[0]} ${ys.at(-1)}` : '';
  });
}

describe('thinning a series', () => {
  it('keeps first, lowest, highest and last of every pixel column', () => {
    const noise = new Random(5);
    const points = series(20_000, (x) => Math.sin(x / 900) + noise.next());
    const thinned = decimate(points, 500);
    expect(thinned.length).toBeLessThanOrEqual(4 * 500);
    expect(extents(thinned, 500, 19_999)).toEqual(extents(points, 500, 19_999));
    expect(thinned.every(({ x }, at) => at === 0 || x > thinned[at - 1]!.x)).toBe(true);
  });
  it('never loses a lone spike', () => {
    const points = series(20_000, (x) => (x === 12_345 ? 9 : 2));
    expect(Math.max(...decimate(points, 300).map(({ y }) => y))).toBe(9);
  });
  it('leaves short series and uneven steps alone', () => {
    const points = [0, 1, 2, 500, 501, 9000].map((x) => ({ x, y: x }));
    expect(decimate(points, 100)).toEqual(points);
    expect(decimate([], 100)).toEqual([]);
  });
  it('returns the points within a range, and a neighbour on each side', () => {
    const points = series(10_000, (x) => x % 7);
    const part = decimate(points, 400, { min: 100.5, max: 200 });
    expect([part[0]!.x, part.at(-1)!.x, part.length]).toEqual([100, 201, 102]);
    const wide = decimate(points, 100, { min: 1000, max: 9000 });
    expect([wide[0]!.x, wide.at(-1)!.x]).toEqual([999, 9001]);
    expect(decimate(points, 10, { min: 20_000, max: 30_000 }).map(({ x }) => x)).toEqual([9999]);
  });
});
