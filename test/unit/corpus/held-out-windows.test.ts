import { describe, expect, it } from 'vitest';
import { heldOutWindows, type Range } from '../../../src/corpus/held-out/held-out-windows.ts';
import { spreadFairly } from '../../../src/corpus/fair-shares.ts';
import type { TokenStream } from '../../../src/corpus/tokens/packing.ts';

/** Tokens equal to their positions, in documents of the given sizes. */
const stream = (length: number, sizes: number[] = [length]): TokenStream => ({
  length,
  starts: Int32Array.from(sizes, (_, index) => sizes.slice(0, index).reduce((sum, size) => sum + size, 0)),
  read: (begin, count) => Int32Array.from({ length: count }, (_, index) => begin + index),
});
const windows = (length: number, size: number, count?: number) =>
  heldOutWindows(stream(length), size, count).map(({ tokens }) => [...tokens]);
describe('windows', () => {
  it('cut the stream without overlap', () => {
    expect(windows(20, 4)).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
      [10, 11, 12, 13, 14],
      [15, 16, 17, 18, 19],
    ]);
  });

  it('spread a few evenly, and no more than there are', () => {
    expect(windows(1000, 9, 4).map(([first]) => first)).toEqual([120, 370, 620, 870]);
    expect(windows(1009, 9, 500)).toHaveLength(100);
    for (let count = 1; count <= 100; count += 1) {
      const taken = windows(1000, 9, count);
      expect(new Set(taken.map(([first]) => first)).size).toBe(count);
      expect(taken.every((window) => window.length === 10)).toBe(true);
    }
  });

  it('use a short stream as far as possible', () => {
    expect(windows(3, 4)).toEqual([[0, 1, 2]]);
    expect(windows(1, 4)).toEqual([]);
    expect(heldOutWindows(stream(0, []), 4)).toEqual([]);
    expect(windows(50, 4, 0)).toEqual([]);
  });

  it('know where documents begin, and learn no first token', () => {
    const [window] = heldOutWindows(stream(10, [3, 4, 3]), 9);
    expect([...window!.starts]).toEqual([0, 0, 0, 3, 3, 3, 3, 7, 7]);
    expect([...window!.learned]).toEqual([1, 1, 0, 1, 1, 1, 0, 1, 1]);
    const [, second] = heldOutWindows(stream(10, [3, 4, 3]), 4);
    expect([...second!.tokens]).toEqual([5, 6, 7, 8, 9]);
    expect([...second!.starts]).toEqual([0, 0, 2, 2]);
    expect([...second!.learned]).toEqual([1, 0, 1, 1]);
  });
});

/** The number of windows from each document, by its start. */
function given(sizes: number[], length: number, count?: number, ranges?: Range[]): Map<number, number> {
  const all = sizes.reduce((sum, size) => sum + size, 0);
  const found = new Map<number, number>();
  for (const { document } of heldOutWindows(stream(all, sizes), length, count, ranges))
    found.set(document!, (found.get(document!) ?? 0) + 1);
  return found;
}

describe('windows of many files', () => {
  it('contain a single kind of text if only its range is requested', () => {
    const ranges = [
      { begin: 0, end: 30 },
      { begin: 70, end: 73 },
      { begin: 80, end: 81 },
    ];
    const taken = heldOutWindows(stream(100, [30, 40, 3, 7, 1, 19]), 9, undefined, ranges);
    expect(taken.map(({ tokens }) => [tokens[0], tokens.length])).toEqual([
      [0, 10],
      [10, 10],
      [20, 10],
      [70, 3],
    ]);
    expect(taken.map(({ document }) => document)).toEqual([0, 0, 0, 70]);
  });

  it('take at most a tenth from one file, however large it is', () => {
    const sizes = [9000, ...Array.from({ length: 30 }, () => 100)];
    const found = given(sizes, 9, 40);
    expect([...found.values()].reduce((sum, many) => sum + many, 0)).toBe(40);
    expect(found.get(0)).toBe(4);
    expect(Math.max(...found.values())).toBe(4);
  });

  it('are fewer rather than too many from one file', () => {
    const sizes = [9000, ...Array.from({ length: 11 }, () => 10)];
    const found = given(sizes, 9, 40);
    expect([...found.values()]).toEqual(Array.from({ length: 12 }, () => 1));
    expect([...given(sizes, 9).values()].reduce((sum, many) => sum + many, 0)).toBe(12);
  });

  it('are shared equally among few files', () => {
    expect(given([9000, 1000, 1000], 9, 12)).toEqual(
      new Map([
        [0, 4],
        [9000, 4],
        [10_000, 4],
      ]),
    );
    expect(given([9000], 9, 12)).toEqual(new Map([[0, 12]]));
  });

  it('are spread evenly if no file is too large', () => {
    const owners = Array.from({ length: 300 }, (_, window) => Math.floor(window / 10));
    expect(spreadFairly(owners, 10)).toEqual([15, 45, 75, 105, 135, 165, 195, 225, 255, 285]);
  });
});
