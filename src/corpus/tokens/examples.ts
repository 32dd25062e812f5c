/**
 * Packs examples into sequences for instruction tuning: each example is complete in one sequence, with as many others
 * as fit, plus padding. As in "Fewer Truncations Improve Language Modeling" (Ding et al. 2024), but in shuffled order
 * instead of by length, so that sequences mix long and short examples.
 */
import { spread } from '../../statistics/statistics.ts';
import { assemble, nothingToTrainOn, type TokenRun, type TokenStream } from './packing.ts';
import type { Sequence, SequenceSource } from './sequences.ts';
import { mix, shuffled } from '../shuffle.ts';

/** How many examples did not fit. */
export interface Truncation {
  /** Examples longer than a sequence, whose ends are cut off. */
  readonly cut: number;
  /** Examples dropped because cutting would leave nothing to learn from. */
  readonly dropped: number;
}

export type CorpusSequences = SequenceSource & Truncation;

/** The documents of each sequence: those of bin b are `members[begins[b]]` to `members[begins[b + 1] - 1]`. */
interface Bins extends Truncation {
  members: Int32Array;
  begins: Int32Array;
}

/**
 * Training sequences of complete examples. An epoch takes each packed sequence once, in shuffled order.
 * `padding` is the token that ends documents. Errors: corpus-empty.
 */
export function exampleSequences(
  stream: TokenStream,
  { length, seed, padding }: { length: number; seed: number; padding: number },
): CorpusSequences {
  const count = stream.starts.length;
  const bins = packBestFit(stream, length + 1, (index) => shuffled(index, count, mix(seed, 2)));
  const perEpoch = bins.begins.length - 1;
  if (perEpoch === 0) throw nothingToTrainOn();
  return {
    length,
    perEpoch,
    cut: bins.cut,
    dropped: bins.dropped,
    at(index) {
      const epoch = Math.floor(index / perEpoch);
      return fill(stream, bins, shuffled(index % perEpoch, perEpoch, mix(seed, epoch)), length + 1, padding);
    },
  };
}

/**
 * `count` evenly spread packed sequences for evaluation, or all. Examples of one file are adjacent in the stream, so
 * they are packed in its order; a sequence belongs to the file that most of its tokens come from.
 */
export function exampleWindows(
  stream: TokenStream,
  { length, padding, count = Infinity }: { length: number; padding: number; count?: number | undefined },
): Sequence[] {
  const bins = packBestFit(stream, length + 1, (index) => index);
  return spread(bins.begins.length - 1, count).map((bin) => {
    const members = [...bins.members.subarray(bins.begins[bin], bins.begins[bin + 1])];
    const longest = members.reduce((a, b) => (documentLength(stream, b) > documentLength(stream, a) ? b : a));
    return { ...fill(stream, bins, bin, length + 1, padding), document: stream.starts[longest]! };
  });
}

/** Best-fit packing: puts each example, in this order, into the sequence with the least sufficient room. */
function packBestFit(stream: TokenStream, size: number, order: (index: number) => number): Bins {
  const count = stream.starts.length;
  const binOf = new Int32Array(count).fill(-1);
  const byRoom: number[][] = Array.from({ length: size + 1 }, () => []);
  const sizes: number[] = [];
  let cut = 0;
  let dropped = 0;
  const firstLearnedAt = firstLearned(stream);
  for (let index = 0; index < count; index += 1) {
    const document = order(index);
    const exampleLength = documentLength(stream, document);
    const usedLength = Math.min(exampleLength, size);
    if (firstLearnedAt[document]! >= usedLength) {
      dropped += 1;
      continue;
    }
    if (exampleLength > size) cut += 1;
    let room = usedLength;
    while (room < size && byRoom[room]!.length === 0) room += 1;
    const bin = byRoom[room]!.pop() ?? sizes.push(0) - 1;
    binOf[document] = bin;
    sizes[bin]! += 1;
    if (room > usedLength) byRoom[room - usedLength]!.push(bin);
  }
  return { ...byBin(binOf, sizes), cut, dropped };
}

/** Documents ordered by bin. */
function byBin(binOf: Int32Array, sizes: readonly number[]): Pick<Bins, 'members' | 'begins'> {
  const begins = new Int32Array(sizes.length + 1);
  sizes.forEach((size, bin) => (begins[bin + 1] = begins[bin]! + size));
  const next = begins.slice();
  const members = new Int32Array(begins.at(-1)!);
  binOf.forEach((bin, document) => {
    if (bin >= 0) members[next[bin]!++] = document;
  });
  return { members, begins };
}

const documentLength = ({ starts, length }: TokenStream, document: number) =>
  (starts[document + 1] ?? length) - starts[document]!;

const BLOCK = 1 << 20;
const NEVER = 2 ** 31 - 1;

/** Index of the first learned token in each document. The very first token is never learned. */
function firstLearned(stream: TokenStream): Int32Array {
  const { starts } = stream;
  const result = new Int32Array(starts.length).fill(1);
  if (!stream.learned) return result;
  for (let first = 0; first < starts.length;) {
    const begin = starts[first]!;
    let last = first;
    while (last + 1 < starts.length && starts[last + 1]! + documentLength(stream, last + 1) - begin <= BLOCK)
      last += 1;
    const flags = stream.learned(begin, starts[last]! + documentLength(stream, last) - begin);
    for (let document = first; document <= last; document += 1) {
      const from = starts[document]! - begin;
      const at = flags.subarray(from, from + documentLength(stream, document)).indexOf(1, 1);
      result[document] = at < 0 ? NEVER : at;
    }
    first = last + 1;
  }
  return result;
}

function fill(stream: TokenStream, { members, begins }: Bins, bin: number, size: number, padding: number) {
  let room = size;
  const runs: TokenRun[] = [];
  for (const document of members.subarray(begins[bin], begins[bin + 1])) {
    const begin = stream.starts[document]!;
    const count = Math.min(documentLength(stream, document), room);
    runs.push({ tokens: stream.read(begin, count), learned: stream.learned?.(begin, count) });
    room -= count;
  }
  if (room) runs.push({ tokens: new Int32Array(room).fill(padding), learned: new Uint8Array(room) });
  return assemble(runs);
}
