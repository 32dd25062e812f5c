import { describe, expect, it } from 'vitest';
import { exampleSequences, exampleWindows } from '../../../src/corpus/tokens/examples.ts';
import { mixSequences } from '../../../src/corpus/tokens/mix-sequences.ts';
import { streamSequences, type TokenStream } from '../../../src/corpus/tokens/packing.ts';
import type { Sequence } from '../../../src/corpus/tokens/sequences.ts';
import { endOf, streamOf, tokensPerDocument } from './help.ts';

/** The second half of each document is the answer. */
const answers = (document: number[]) => document.map((_, i) => (i >= document.length / 2 ? 1 : 0));
const packed = (stream: TokenStream, length: number, seed = 0) =>
  exampleSequences(stream, { length, seed, padding: endOf });
const epochOf = (source: ReturnType<typeof packed>, epoch: number) =>
  Array.from({ length: source.perEpoch }, (_, i) => source.at(epoch * source.perEpoch + i));
/** The segments of a sequence that attention stays within, with their learned parts. */
function runsOf({ tokens, learned, starts }: Sequence) {
  const begins = [...new Set(starts)];
  return begins.map((begin, i) => {
    let end = begins[i + 1] ?? tokens.length;
    // A padding token at the end does not start a document, since nothing is predicted from it.
    if (end === tokens.length && tokens[end - 2] === endOf && begin < end - 2) end -= 1;
    return { tokens: [...tokens.subarray(begin, end)], learned: [...learned.subarray(begin, end - 1)] };
  });
}

describe('packed examples', () => {
  const documents = tokensPerDocument(200);
  const stream = streamOf(documents, answers);

  it('are whole, once an epoch each, with their learned parts, and padded', () => {
    const source = packed(stream, 31);
    for (const epoch of [0, 3]) {
      const runs = epochOf(source, epoch).flatMap((sequence) => {
        expect(sequence.tokens).toHaveLength(32);
        expect(sequence.learned).toHaveLength(31);
        expect(sequence.starts).toHaveLength(31);
        expect(sequence.learned).toContain(1);
        return runsOf(sequence);
      });
      const padding = runs.filter(({ tokens }) => tokens.every((token) => token === endOf));
      for (const { learned } of padding) expect(learned.every((flag) => flag === 0)).toBe(true);
      const found = runs.filter((run) => !padding.includes(run)).sort((a, b) => a.tokens[0]! - b.tokens[0]!);
      expect(found.map(({ tokens }) => tokens)).toEqual(documents);
      for (const { tokens, learned } of found) expect(learned).toEqual(answers(tokens).slice(1));
    }
    expect(source).toMatchObject({ cut: 0, dropped: 0 });
  });

  it('waste little space', () => {
    const tokens = documents.reduce((sum, document) => sum + document.length, 0);
    expect(packed(stream, 63).perEpoch).toBeLessThanOrEqual(Math.ceil((1.05 * tokens) / 64));
  });

  it('are in another order each epoch, and in the same for the same index', () => {
    const source = packed(stream, 31, 4);
    const [first, second] = [epochOf(source, 0), epochOf(source, 1)];
    expect(second).not.toEqual(first);
    const key = (sequences: Sequence[]) => sequences.map(({ tokens }) => tokens.join()).sort();
    expect(key(second)).toEqual(key(first));
    const resumed = packed(stream, 31, 4);
    for (const index of [source.perEpoch + 3, 2, 0]) expect(resumed.at(index)).toEqual(source.at(index));
    expect(epochOf(packed(stream, 31, 5), 0)).not.toEqual(first);
  });

  it('are truncated at the end if longer than a sequence, and left out if no answer would remain', () => {
    const long = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const short = [11, 12, endOf];
    const from = (first: number) => () => long.map((_, i) => (i >= first ? 1 : 0));
    const learned = (first: number) => (document: number[]) =>
      document === long ? from(first)() : [0, 1, 1];
    const source = packed(streamOf([long, short], learned(5)), 7);
    expect(source).toMatchObject({ cut: 1, dropped: 0, perEpoch: 2 });
    const [cut] = epochOf(source, 0).filter(({ tokens }) => tokens[0] === 1);
    expect([...cut!.tokens]).toEqual(long.slice(0, 8));
    expect([...cut!.learned]).toEqual([0, 0, 0, 0, 1, 1, 1]);
    expect(packed(streamOf([long, short], learned(8)), 7)).toMatchObject({ cut: 0, dropped: 1, perEpoch: 1 });
    expect(() => packed(streamOf([long], learned(8)), 7)).toThrow(
      expect.objectContaining({ code: 'corpus-empty' }) as Error,
    );
  });

  it('are measured in the same way, spread evenly', () => {
    const every = exampleWindows(stream, { length: 31, padding: endOf });
    expect(every.flatMap(runsOf).filter(({ tokens }) => tokens[0] !== endOf)).toHaveLength(200);
    const few = exampleWindows(stream, { length: 31, padding: endOf, count: 5 });
    expect(few).toHaveLength(5);
    for (const sequence of few) expect(every).toContainEqual(sequence);
    expect(exampleWindows(streamOf([]), { length: 31, padding: endOf })).toEqual([]);
  });

  it('are measured with their neighbours, and belong to the document with most tokens', () => {
    const some = streamOf([
      [1, 1, 1, 1],
      [2, 2],
      [3, 3, 3],
      [4, 4, 4, 4, 4],
    ]);
    const windows = exampleWindows(some, { length: 6, padding: endOf });
    expect(windows.map(({ document }) => document)).toEqual([0, 6, 9]);
    expect(windows.map(({ tokens }) => tokens[0])).toEqual([1, 3, 4]);
  });
});

describe('mixed sequences', () => {
  const main = streamSequences(streamOf(tokensPerDocument(60)), 8, 1);
  const replay = streamSequences(streamOf([[7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]]), 8, 1);
  const isReplay = ({ tokens }: Sequence) => tokens[0] === 7;

  it.each([0, 0.05, 1 / 3, 0.5, 0.9])('have a share of %d, evenly spread', (rate) => {
    const source = mixSequences(main, replay, rate, 2);
    const flags = Array.from({ length: 400 }, (_, index) => (isReplay(source.at(index)) ? 1 : 0) as number);
    for (const [from, size] of [
      [0, 400],
      [0, 40],
      [37, 60],
      [200, 7],
    ] as const) {
      const share = flags.slice(from, from + size).reduce((sum, flag) => sum + flag, 0);
      expect(Math.abs(share - rate * size)).toBeLessThan(1 + 1e-9);
    }
  });

  it('keep the order and epochs of both', () => {
    const source = mixSequences(main, replay, 0.25, 2);
    const all = Array.from({ length: 200 }, (_, index) => source.at(index));
    const own = all.filter((sequence) => !isReplay(sequence));
    own.forEach((sequence, index) => expect(sequence).toEqual(main.at(index)));
    all.filter(isReplay).forEach((sequence, index) => expect(sequence).toEqual(replay.at(index)));
    expect(source.perEpoch).toBe(Math.ceil(main.perEpoch / 0.75));
  });
});
