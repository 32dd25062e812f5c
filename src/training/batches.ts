/** Divides sequences into the micro-batches of an optimiser step. */
import type { Sequence, SequenceSource } from '../corpus/tokens/sequences.ts';
import type { Batch } from '../model/index.ts';
import type { Hyper } from '../protocol/run.ts';

export interface MicroBatch extends Batch {
  /** Index of its first sequence, which seeds its random numbers. */
  index: number;
  /** Number of predictions that count in the loss. */
  learnedTokens: number;
}

type Shape = Pick<Hyper, 'batch' | 'accumulate'>;

/**
 * The sequences of step `number` of a run (from 1). They follow the source's order, so a step has the same sequences
 * however they are divided into rows and micro-batches.
 */
export function stepSequences(
  source: SequenceSource,
  { batch, accumulate }: Shape,
  number: number,
): Sequence[] {
  const count = batch * accumulate;
  return Array.from({ length: count }, (_, i) => source.at((number - 1) * count + i));
}

/** The same sequences in micro-batches. */
export function microBatches(source: SequenceSource, shape: Shape, number: number): MicroBatch[] {
  const { batch, accumulate } = shape;
  const sequences = stepSequences(source, shape, number);
  return Array.from({ length: accumulate }, (_, micro) => {
    const index = ((number - 1) * accumulate + micro) * batch;
    return microBatch(sequences.slice(micro * batch, (micro + 1) * batch), source.length, index);
  });
}

function microBatch(sequences: readonly Sequence[], length: number, index: number): MicroBatch {
  const rows = sequences.length;
  const tokens = new Int32Array(rows * (length + 1));
  const learned = new Uint8Array(rows * length);
  const starts = new Int32Array(rows * length);
  for (const [row, sequence] of sequences.entries()) {
    tokens.set(sequence.tokens, row * (length + 1));
    learned.set(sequence.learned, row * length);
    starts.set(sequence.starts, row * length);
  }
  const learnedTokens = learned.reduce((sum, value) => sum + value, 0);
  return {
    index,
    learnedTokens,
    rows,
    length,
    tokens,
    ...(learnedTokens < learned.length && { learned }),
    ...(starts.some((start) => start > 0) && { starts }),
  };
}
