/** Token streams to sequences: evenly spread windows to measure on, shuffled ones to train on. */
import { UserError } from '../protocol/errors.ts';

/**
 * Windows of `length + 1` tokens (so `length` predictions each) that don't overlap, spread evenly over the
 * stream; `count` of them, or as many as there are. A stream shorter than one window is one shorter window; one
 * of fewer than 2 tokens predicts nothing and gives none. Views, not copies.
 */
export function windows(
  tokens: Int32Array,
  length: number,
  { count }: { count?: number } = {},
): Int32Array[] {
  const size = length + 1;
  if (tokens.length < size) return tokens.length < 2 || count === 0 ? [] : [tokens.subarray(0)];
  const there = Math.floor(tokens.length / size);
  const taken = Math.min(count ?? there, there);
  return Array.from({ length: taken }, (_, index) => {
    // The middle one of each of `taken` equal shares.
    const start = Math.floor(((index + 0.5) * there) / taken) * size;
    return tokens.subarray(start, start + size);
  });
}

/**
 * Training sequence number `index` (from 0): `length + 1` tokens, a pure function of its arguments, so a run goes
 * on exactly where it stopped knowing only its step.
 *
 * The stream is taken as a ring, which changes nothing but the place of one document border, as every document
 * ends in the end-of-text token. An epoch cuts the ring, from a random point on, into floor(n / length)
 * sequences and takes each once in a shuffled order; neighbours share one token, the last target of one being
 * the first input of the next. A stream shorter than a sequence goes round more than once.
 */
export function sequenceAt(tokens: Int32Array, length: number, seed: number, index: number): Int32Array {
  const n = tokens.length;
  if (n === 0)
    throw new UserError(
      'corpus-empty',
      'There are no tokens to train on.',
      'Choose a folder that holds source code.',
    );
  const perEpoch = sequencesPerEpoch(n, length);
  const epoch = Math.floor(index / perEpoch);
  const place = shuffled(index % perEpoch, perEpoch, mix(seed, epoch));
  const start = Math.floor((mix(seed, epoch, 1) / 2 ** 32) * n) + place * length;
  const sequence = new Int32Array(length + 1);
  for (let done = 0; done < sequence.length;) {
    const from = (start + done) % n;
    const piece = tokens.subarray(from, Math.min(n, from + sequence.length - done));
    sequence.set(piece, done);
    done += piece.length;
  }
  return sequence;
}

/** Sequences that make one pass over a stream of `tokens` tokens. */
export function sequencesPerEpoch(tokens: number, length: number): number {
  return Math.max(1, Math.floor(tokens / length));
}

const ROUNDS = 6;

/**
 * Where item `index` of `count` goes in the shuffle named by `key`: a Feistel network over the next power of four,
 * walked until it lands inside. A permutation without a table.
 */
function shuffled(index: number, count: number, key: number): number {
  const half = Math.max(1, Math.ceil(Math.log2(count) / 2));
  const mask = 2 ** half - 1;
  let value = index;
  do {
    let left = Math.floor(value / 2 ** half);
    let right = value & mask;
    for (let round = 0; round < ROUNDS; round += 1)
      [left, right] = [right, left ^ (mix(key, round, right) & mask)];
    value = left * 2 ** half + right;
  } while (value >= count);
  return value;
}

/** 32 random-looking bits of some integers: MurmurHash3's mixing and finaliser. */
function mix(...values: number[]): number {
  let hash = 0x9747b28c;
  for (const value of values) {
    let k = Math.imul(value | 0, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    hash ^= k;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
