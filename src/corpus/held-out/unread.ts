/**
 * Files of the training split that a run's first sequences do not read. They can be used to choose settings, so that
 * the held-out files remain untouched for the final evaluation.
 */
import { sourcePath, type KeptEntry } from '../manifest.ts';
import { documentAt, type TokenStream } from '../tokens/packing.ts';
import type { SequenceSource } from '../tokens/sequences.ts';
import type { Range } from './held-out-windows.ts';

/** The ranges of `stream` that the first `count` sequences of the source opened by `openSequences` read. */
export function tokensRead(
  stream: TokenStream,
  openSequences: (stream: TokenStream) => SequenceSource,
  count: number,
): Range[] {
  const ranges: Range[] = [];
  const source = openSequences({
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
 * The training entries, in stream order, of files that do not occur in `read`. Instruction pairs are grouped by their
 * file or commit, because pairs of the same source are related.
 */
export function unreadEntries(entries: readonly KeptEntry[], read: readonly Range[]): KeptEntry[] {
  const trainEntries = entries
    .filter(({ split, tokens }) => split === 'train' && tokens > 0)
    .sort((a, b) => a.offset - b.offset);
  const offsets = Int32Array.from(trainEntries, ({ offset }) => offset);
  const readSources = new Set<string>();
  for (const { begin, end } of read)
    for (let at = documentAt(offsets, begin); at < trainEntries.length && offsets[at]! < end; at += 1)
      readSources.add(sourcePath(trainEntries[at]!));
  return trainEntries.filter((entry) => !readSources.has(sourcePath(entry)));
}

/** A stream of only these ranges, each as a document. */
export function extractRanges({ read, learned }: TokenStream, ranges: readonly Range[]): TokenStream {
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
