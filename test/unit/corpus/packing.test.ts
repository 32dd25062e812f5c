import { describe, expect, it } from 'vitest';
import { sequenceAt, sequencesPerEpoch, windows } from '../../../src/corpus/packing.ts';

/** Tokens that are their own positions. */
const stream = (length: number) => Int32Array.from({ length }, (_, index) => index);

describe('windows', () => {
  it('cuts the stream without overlap', () => {
    expect(windows(stream(20), 4).map((window) => [...window])).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
      [10, 11, 12, 13, 14],
      [15, 16, 17, 18, 19],
    ]);
  });

  it('spreads a few evenly and never gives more than there are', () => {
    expect(windows(stream(1000), 9, { count: 4 }).map((window) => window[0])).toEqual([120, 370, 620, 870]);
    expect(windows(stream(1009), 9, { count: 500 })).toHaveLength(100);
    for (let count = 1; count <= 100; count += 1) {
      const taken = windows(stream(1000), 9, { count });
      expect(new Set(taken.map((window) => window[0])).size).toBe(count);
      expect(taken.every((window) => window.length === 10)).toBe(true);
    }
  });

  it('makes the best of a short stream', () => {
    expect(windows(stream(3), 4).map((window) => [...window])).toEqual([[0, 1, 2]]);
    expect(windows(stream(1), 4)).toEqual([]);
    expect(windows(stream(0), 4)).toEqual([]);
    expect(windows(stream(50), 4, { count: 0 })).toEqual([]);
  });
});

describe('sequenceAt', () => {
  it.each([
    [1000, 10],
    [1003, 10],
    [997, 16],
    [64, 64],
    [129, 64],
  ])('takes each part of %i tokens once an epoch, in sequences of %i', (n, length) => {
    const tokens = stream(n);
    const perEpoch = sequencesPerEpoch(n, length);
    for (const epoch of [0, 1, 7]) {
      const inputs = Array.from({ length: perEpoch }, (_, i) => [
        ...sequenceAt(tokens, length, 3, epoch * perEpoch + i),
      ]);
      for (const sequence of inputs) {
        expect(sequence).toHaveLength(length + 1);
        // Neighbours in the ring, so the targets are the inputs one further on.
        sequence.slice(1).forEach((token, i) => expect(token).toBe((sequence[i]! + 1) % n));
      }
      const learned = inputs.flatMap((sequence) => sequence.slice(0, -1));
      expect(new Set(learned).size).toBe(perEpoch * length);
    }
  });

  it('depends on seed and index alone, so a resumed run meets the same sequences', () => {
    const tokens = stream(5000);
    const whole = Array.from({ length: 40 }, (_, index) => sequenceAt(tokens, 32, 7, index));
    for (let index = 39; index >= 20; index -= 1)
      expect(sequenceAt(tokens, 32, 7, index)).toEqual(whole[index]);
    const another = Array.from({ length: 40 }, (_, index) => sequenceAt(tokens, 32, 8, index));
    expect(another).not.toEqual(whole);
  });

  it('shuffles: another order and other borders in every epoch', () => {
    const tokens = stream(64 * 100);
    const starts = (epoch: number) =>
      Array.from({ length: 100 }, (_, i) => sequenceAt(tokens, 64, 0, epoch * 100 + i)[0]!);
    const [first, second] = [starts(0), starts(1)];
    expect(
      new Set([first[0]! % 64, second[0]! % 64, starts(2)[0]! % 64, starts(3)[0]! % 64]).size,
    ).toBeGreaterThan(1);
    const order = (list: number[]) => list.map((start) => Math.floor(start / 64));
    expect(order(first)).not.toEqual(order(second));
    const ascending = first.slice(1).filter((start, i) => start > first[i]!).length;
    expect(ascending).toBeGreaterThan(30);
    expect(ascending).toBeLessThan(70);
  });

  it('puts every part first about equally often, over seeds', () => {
    const tokens = stream(8 * 10);
    const counts = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 2000; seed += 1)
      counts[Math.floor(sequenceAt(tokens, 8, seed, 0)[0]! / 8)]! += 1;
    // Chi-squared with 9 degrees of freedom: 27.9 is passed once in a thousand by a fair draw.
    const chi = counts.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
    expect(chi).toBeLessThan(27.9);
  });

  it('goes round in a stream shorter than a sequence and refuses an empty one', () => {
    const sequence = sequenceAt(stream(3), 7, 0, 5);
    expect(sequence).toHaveLength(8);
    sequence.slice(1).forEach((token, i) => expect(token).toBe((sequence[i]! + 1) % 3));
    expect(() => sequenceAt(stream(0), 7, 0, 0)).toThrow(
      expect.objectContaining({ code: 'corpus-empty' }) as Error,
    );
  });
});
