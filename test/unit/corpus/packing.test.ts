import { describe, expect, it } from 'vitest';
import { streamSequences, type TokenStream } from '../../../src/corpus/tokens/packing.ts';
import { endOf, streamOf, tokensPerDocument } from './help.ts';

/** Tokens equal to their positions, in documents of the given sizes. */
const stream = (length: number, sizes: number[] = [length]): TokenStream => ({
  length,
  starts: Int32Array.from(sizes, (_, index) => sizes.slice(0, index).reduce((sum, size) => sum + size, 0)),
  read: (begin, count) => Int32Array.from({ length: count }, (_, index) => begin + index),
});
const firstOf = (n: number, length: number, seed: number, index: number) =>
  streamSequences(stream(n), length, seed).at(index).tokens[0]!;

describe('training sequences of a stream', () => {
  it.each([
    [1000, 10],
    [1003, 10],
    [997, 16],
    [64, 64],
    [129, 64],
  ])('take each part of %i tokens once an epoch, in sequences of %i', (n, length) => {
    const source = streamSequences(stream(n), length, 3);
    for (const epoch of [0, 1, 7]) {
      const inputs = Array.from({ length: source.perEpoch }, (_, i) => [
        ...source.at(epoch * source.perEpoch + i).tokens,
      ]);
      for (const sequence of inputs) {
        expect(sequence).toHaveLength(length + 1);
        // Neighbours in the ring, so the targets are the inputs shifted by one.
        sequence.slice(1).forEach((token, i) => expect(token).toBe((sequence[i]! + 1) % n));
      }
      const learned = inputs.flatMap((sequence) => sequence.slice(0, -1));
      expect(new Set(learned).size).toBe(source.perEpoch * length);
    }
  });

  it('predict every token of every document except its first once an epoch, with context from that document only', () => {
    const documents = tokensPerDocument(40);
    const whole = streamOf(documents);
    // A divisor of the stream's length, so that nothing is left over.
    const length = 29;
    expect(whole.length % length).toBe(0);
    const source = streamSequences(whole, length, 5);
    const predicted: number[] = [];
    for (let index = source.perEpoch; index < 2 * source.perEpoch; index += 1) {
      const { tokens, learned, starts } = source.at(index);
      for (let i = 0; i < length; i += 1) {
        const from = tokens.subarray(starts[i]!, i + 1);
        // Within a document, tokens count up from 1000 times its number to its end token.
        expect(
          new Set([...from].filter((token) => token !== endOf).map((token) => Math.floor(token / 1000))).size,
        ).toBeLessThan(2);
        expect(from.indexOf(endOf)).toBeOneOf([-1, from.length - 1]);
        if (learned[i]) predicted.push(tokens[i + 1]!);
      }
    }
    const wanted = documents.flatMap((document) => document.slice(1));
    expect(predicted.sort((a, b) => a - b)).toEqual(wanted.sort((a, b) => a - b));
  });

  it('depend only on seed and index, so a resumed run gets the same sequences', () => {
    const whole = streamOf(tokensPerDocument(100));
    const source = streamSequences(whole, 32, 7);
    const all = Array.from({ length: 40 }, (_, index) => source.at(index));
    const resumed = streamSequences(whole, 32, 7);
    for (let index = 39; index >= 20; index -= 1) expect(resumed.at(index)).toEqual(all[index]);
    const another = streamSequences(whole, 32, 8);
    expect(all.map((_, index) => another.at(index))).not.toEqual(all);
  });

  it('are shuffled: another order and other boundaries in every epoch', () => {
    const starts = (epoch: number) =>
      Array.from({ length: 100 }, (_, i) => firstOf(6400, 64, 0, epoch * 100 + i));
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

  it('start with each part about equally often, over seeds', () => {
    const counts = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 2000; seed += 1) counts[Math.floor(firstOf(80, 8, seed, 0) / 8)]! += 1;
    // Chi-squared with 9 degrees of freedom: a fair draw exceeds 27.9 once in a thousand times.
    const chi = counts.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
    expect(chi).toBeLessThan(27.9);
  });

  it('wrap around in a stream shorter than a sequence, reshuffled, and reject an empty one', () => {
    const { tokens, learned, starts } = streamSequences(stream(3), 7, 0).at(5);
    expect(tokens).toHaveLength(8);
    tokens.slice(1).forEach((token, i) => expect(token).toBe((tokens[i]! + 1) % 3));
    tokens.slice(1).forEach((token, i) => expect(learned[i]).toBe(token === 0 ? 0 : 1));
    tokens.slice(1, -1).forEach((token, i) => expect(starts[i + 1]).toBe(token === 0 ? i + 1 : starts[i]));
    expect(() => streamSequences(stream(0, []), 7, 0)).toThrow(
      expect.objectContaining({ code: 'corpus-empty' }) as Error,
    );
  });
});
