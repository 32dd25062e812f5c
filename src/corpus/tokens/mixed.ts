import type { SequenceSource } from './sequences.ts';
import { uniformOf } from '../shuffle.ts';

/**
 * Mixes sequences of `replay` into `main`: of any n in a row, `rate` x n, rounded up or down, as evenly as in
 * Bresenham's line algorithm. Each source keeps its own order and epochs; an epoch of the mixture is one of `main`.
 * Throws RangeError if the sequences differ in length.
 */
export function mixed(
  main: SequenceSource,
  replay: SequenceSource,
  rate: number,
  seed: number,
): SequenceSource {
  if (main.length !== replay.length)
    throw new RangeError('main and replay have sequences of different lengths');
  const phase = uniformOf(seed, 3);
  const before = (index: number) => Math.floor(index * rate + phase);
  return {
    length: main.length,
    perEpoch: Math.ceil(main.perEpoch / (1 - rate)),
    at(index) {
      const replayed = before(index);
      return before(index + 1) > replayed ? replay.at(replayed) : main.at(index - replayed);
    },
  };
}
