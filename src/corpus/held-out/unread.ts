/**
 * Files of the training split that a run's first sequences do not read. What is chosen by them was not chosen by the
 * held-out files, so those can still say what it brought.
 */
import { sourceOf, type KeptEntry } from '../manifest.ts';
import { documentAt, type TokenStream } from '../tokens/packing.ts';
import type { SequenceSource } from '../tokens/sequences.ts';
import type { Range } from './held-out-windows.ts';

/** The tokens of `stream` that the first `count` sequences of the source that `open` makes of it consist of. */
export function tokensRead(
  stream: TokenStream,
  open: (stream: TokenStream) => SequenceSource,
  count: number,
): Range[] {
  const ranges: Range[] = [];
  const source = open({
    ...stream,
    read(begin, size) {
      ranges.push({ begin, end: begin + size });
      return stream.read(begin, size);
    },
  });
  for (let index = 0; index < count; index += 1) source.at(index);
  return ranges;
}

/**
 * The training entries, in the stream's order, of files of which nothing is in `read`. Instruction pairs count by the
 * file or commit that they are from: each of its pairs says something of the others.
 */
export function unreadEntries(entries: readonly KeptEntry[], read: readonly Range[]): KeptEntry[] {
  const own = entries
    .filter(({ split, tokens }) => split === 'train' && tokens > 0)
    .sort((a, b) => a.offset - b.offset);
  const offsets = Int32Array.from(own, ({ offset }) => offset);
  const touched = new Set<string>();
  for (const { begin, end } of read)
    for (let at = documentAt(offsets, begin); at < own.length && offsets[at]! < end; at += 1)
      touched.add(sourceOf(own[at]!));
  return own.filter((entry) => !touched.has(sourceOf(entry)));
}

/** Only these ranges of a stream, one after the other, each as a document. */
export function partsOf({ read, learned }: TokenStream, ranges: readonly Range[]): TokenStream {
  const starts = new Int32Array(ranges.length);
  let length = 0;
  for (const [index, { begin, end }] of ranges.entries()) {
    starts[index] = length;
    length += end - begin;
  }
  const gather = <T extends Int32Array | Uint8Array>(
    all: T,
    at: number,
    take: (begin: number, count: number) => T,
  ): T => {
    let part = documentAt(starts, at);
    for (let done = 0; done < all.length; part += 1) {
      const { begin, end } = ranges[part]!;
      const from = begin + at + done - starts[part]!;
      const count = Math.min(end - from, all.length - done);
      all.set(take(from, count), done);
      done += count;
    }
    return all;
  };
  return {
    length,
    starts,
    read: (at, count) => gather(new Int32Array(count), at, read),
    ...(learned && {
      learned: (at: number, count: number) => gather(new Uint8Array(count), at, learned),
    }),
  };
}
