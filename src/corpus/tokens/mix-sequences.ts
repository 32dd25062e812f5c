import type { SequenceSource } from './sequences.ts';
import { uniform } from '../shuffle.ts';

/**
 * Mixes sequences of `replay` into `main`: `rate` x n (rounded up or down) of any n consecutive ones, as evenly as
 * Bresenham's line algorithm. Each source keeps its own order and epochs; an epoch of the mixture is one of `main`.
 * Throws RangeError if the sequences differ in length.
 */
export function mixSequences(
  main: SequenceSource,
  replay: SequenceSource,
  rate: number,
  seed: number,
): SequenceSource {
  if (main.length !== replay.length)
    throw new RangeError('main and replay have sequences of different lengths');
  const phase = uniform(seed, 3);
  const replayedBefore = (index: number) => Math.floor(index * rate + phase);
  return {
    length: main.length,
    perEpoch: Math.ceil(main.perEpoch / (1 - rate)),
    at(index) {
      const replayed = replayedBefore(index);
      return replayedBefore(index + 1) > replayed ? replay.at(replayed) : main.at(index - replayed);
    },
  };
}
