/** Sequences of random tokens, all of which are learned. */
import type { SequenceSource } from '../../src/corpus/tokens/sequences.ts';
import { mix, uniform } from '../../src/statistics/random.ts';

export const randomSequences = (length: number, vocabularySize: number, seed: number): SequenceSource => ({
  length,
  perEpoch: Infinity,
  at(index) {
    const next = uniform(mix(seed, index));
    return {
      tokens: Int32Array.from({ length: length + 1 }, () => Math.floor(next() * vocabularySize)),
      learned: new Uint8Array(length).fill(1),
      starts: new Int32Array(length),
    };
  },
});
