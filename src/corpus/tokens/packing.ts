/**
 * Turns a stream of documents into sequences for continued pretraining: shuffled training windows. Like evaluation
 * windows (held-out-windows.ts), they cut documents at sequence ends; instruction tuning must not do that
 * (examples.ts).
 */
import { msg, UserError } from '../../text/errors.ts';
import { createRing, type WeightedRange } from '../recency.ts';
import type { Sequence, SequenceSource } from './sequences.ts';
import { mix, shuffled, uniform } from '../shuffle.ts';

/** Tokens of one split, read from disk on demand; only the documents' offsets are in memory. */
export interface TokenStream {
  readonly length: number;
  read(begin: number, count: number): Int32Array;
  /** Which tokens are learned: 1 or 0 each. Undefined: all. */
  learned?(begin: number, count: number): Uint8Array;
  /** Where each document begins, ascending, the first at 0. */
  readonly starts: Int32Array;
  /** Training weights of the tokens. Undefined: all equal. */
  readonly weights?: readonly WeightedRange[];
}

/** Consecutive tokens of one document. */
export interface TokenRun {
  tokens: Int32Array;
  learned?: Uint8Array | undefined;
}

/** A run with its position in the stream and its document's start. */
export interface PositionedRun extends TokenRun {
  at: number;
  document: number;
}

/**
 * Concatenates runs into one sequence; attention stays within each run. The first token of a run is not learned,
 * because nothing of its document precedes it.
 */
export function assemble(runs: readonly TokenRun[]): Sequence {
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

/** `size` tokens starting at `begin`, split into runs at document ends. Wraps around after the last document. */
export function runsFrom(stream: TokenStream, begin: number, size: number): PositionedRun[] {
  const runs: PositionedRun[] = [];
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

/** Index of the last document that begins at or before `position`. */
export function documentAt(starts: ArrayLike<number>, position: number): number {
  let low = 0;
  for (let high = starts.length; high - low > 1;) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= position) low = middle;
    else high = middle;
  }
  return low;
}

/** The tokens of a training sequence. */
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
 * The stream is treated as a ring on which each token has a length equal to its weight. An epoch cuts the ring,
 * starting at a random point, into floor(size / length) sequences and takes each once, in shuffled order. With full
 * weights, neighbouring sequences share one token: the last target of one is the first input of the next. With smaller
 * weights there are gaps between sequences, at different places in each epoch. A stream shorter than a sequence is
 * repeated. `makeSequence` turns a window's tokens into a sequence; by default they are used unchanged. Errors:
 * corpus-empty.
 */
export function streamSequences(
  stream: TokenStream,
  length: number,
  seed: number,
  makeSequence: (window: Window) => Sequence = ({ begin, size }) => assemble(runsFrom(stream, begin, size)),
): SequenceSource {
  const n = stream.length;
  if (n === 0) throw nothingToTrainOn();
  const ring = createRing(n, stream.weights);
  const perEpoch = Math.max(1, Math.floor(ring.size / length));
  return {
    length,
    perEpoch,
    at(index) {
      const epoch = Math.floor(index / perEpoch);
      const place = shuffled(index % perEpoch, perEpoch, mix(seed, epoch));
      const start = Math.floor(uniform(seed, epoch, 1) * ring.size) + place * length;
      return makeSequence({ begin: ring.tokenAt(start % ring.size), size: length + 1, index });
    },
  };
}

export const nothingToTrainOn = () =>
  new UserError(
    'corpus-empty',
    msg`There are no tokens to train on.`,
    msg`Choose a folder that holds source code, or a data set with rows.`,
  );
