/**
 * A stream of documents to sequences, for continued pretraining: shuffled windows to train on. They cut documents where
 * a sequence ends, as those to measure on do (held-out-windows.ts); instruction tuning must not (examples.ts).
 */
import { UserError } from '../../protocol/errors.ts';
import { ringOf, type Weighted } from '../recency.ts';
import type { Sequence, SequenceSource } from './sequences.ts';
import { mix, shuffled, uniformOf } from '../shuffle.ts';

/** Tokens of one split. They are read where they lie; only the documents' beginnings are in memory. */
export interface TokenStream {
  readonly length: number;
  read(begin: number, count: number): Int32Array;
  /** Which tokens are learned: 1 or 0 each. Undefined: all are. */
  learned?(begin: number, count: number): Uint8Array;
  /** Where each document begins, ascending, the first at 0. */
  readonly starts: Int32Array;
  /** How much which tokens count in training. Undefined: all alike. */
  readonly weighted?: readonly Weighted[];
}

/** A run of tokens of one document. */
export interface Run {
  tokens: Int32Array;
  learned?: Uint8Array | undefined;
}

/** Where it lies in the stream, and where its document begins there. */
export interface PlacedRun extends Run {
  at: number;
  document: number;
}

/**
 * Runs one after another as one sequence; attention stays within each. No run's first token is learned: nothing of
 * its document is before it to predict it from.
 */
export function assemble(runs: readonly Run[]): Sequence {
  const size = runs.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const sequence = {
    tokens: new Int32Array(size),
    learned: new Uint8Array(size - 1),
    starts: new Int32Array(size - 1),
  };
  let at = 0;
  for (const { tokens, learned } of runs) {
    const end = at + tokens.length;
    sequence.tokens.set(tokens, at);
    sequence.starts.fill(at, at, end);
    if (learned) sequence.learned.set(learned.subarray(1), at);
    else sequence.learned.fill(1, at, end - 1);
    at = end;
  }
  return sequence;
}

/** `size` tokens from `begin` on, in runs that end where documents do. After the last document comes the first. */
export function runsFrom(stream: TokenStream, begin: number, size: number): PlacedRun[] {
  const runs: PlacedRun[] = [];
  let document = documentAt(stream.starts, begin);
  for (let at = begin, left = size; left > 0;) {
    const count = Math.min(left, stream.length - at);
    const tokens = stream.read(at, count);
    const learned = stream.learned?.(at, count);
    for (let done = 0; done < count;) {
      const place = { at: at + done, document: stream.starts[document]! };
      document += 1;
      const end = Math.min(count, (stream.starts[document] ?? stream.length) - at);
      runs.push({ tokens: tokens.subarray(done, end), learned: learned?.subarray(done, end), ...place });
      done = end;
    }
    left -= count;
    at = 0;
    document = 0;
  }
  return runs;
}

/** The last document that begins at `position` or before. */
export function documentAt(starts: Int32Array, position: number): number {
  let low = 0;
  for (let high = starts.length; high - low > 1;) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= position) low = middle;
    else high = middle;
  }
  return low;
}

/** A place in the ring that training takes its sequences from. */
export interface Window {
  begin: number;
  /** Tokens. */
  size: number;
  /** Number of the sequence. */
  index: number;
}

/**
 * Training sequences of a stream.
 *
 * The stream is taken as a ring, on which tokens take up as much room as they count. An epoch cuts the ring, from a
 * random point on, into floor(size / length) sequences and takes each once in a shuffled order. Where tokens count in
 * full, neighbours share one token, the last target of one being the first input of the next; where they count less,
 * there are gaps between sequences, elsewhere in each epoch. A stream shorter than a sequence goes round more than once. `make` turns the `size` tokens from `begin` on
 * into a sequence, as they lie unless given.
 * Errors: corpus-empty.
 */
export function streamSequences(
  stream: TokenStream,
  length: number,
  seed: number,
  make: (window: Window) => Sequence = ({ begin, size }) => assemble(runsFrom(stream, begin, size)),
): SequenceSource {
  const n = stream.length;
  if (n === 0) throw nothingToTrainOn();
  const ring = ringOf(n, stream.weighted);
  const perEpoch = Math.max(1, Math.floor(ring.size / length));
  return {
    length,
    perEpoch,
    at(index) {
      const epoch = Math.floor(index / perEpoch);
      const place = shuffled(index % perEpoch, perEpoch, mix(seed, epoch));
      const start = Math.floor(uniformOf(seed, epoch, 1) * ring.size) + place * length;
      return make({ begin: ring.tokenAt(start % ring.size), size: length + 1, index });
    },
  };
}

export const nothingToTrainOn = () =>
  new UserError(
    'corpus-empty',
    'There are no tokens to train on.',
    'Choose a folder that holds source code, or a data set with rows.',
  );
