/** Sequences to the micro-batches of an optimiser step. */
import type { SequenceSource } from '../corpus/sequences.ts';
import type { Batch } from '../model/index.ts';
import type { Hyper } from '../protocol/run.ts';

export interface MicroBatch extends Batch {
  /** Number of its first sequence: what its random numbers are drawn from. */
  index: number;
  /** Predictions that count. */
  learnedTokens: number;
}

/**
 * The micro-batches of the `number`th batch of a run (from 1). Sequences follow each other in the source's order, so
 * the same tokens come whether they lie in rows or in micro-batches.
 */
export function microBatches(
  source: SequenceSource,
  { batch, accumulate }: Pick<Hyper, 'batch' | 'accumulate'>,
  number: number,
): MicroBatch[] {
  return Array.from({ length: accumulate }, (_, micro) =>
    microBatch(source, batch, ((number - 1) * accumulate + micro) * batch),
  );
}

function microBatch(source: SequenceSource, rows: number, index: number): MicroBatch {
  const { length } = source;
  const tokens = new Int32Array(rows * (length + 1));
  const learned = new Uint8Array(rows * length);
  const starts = new Int32Array(rows * length);
  for (let row = 0; row < rows; row += 1) {
    const sequence = source.at(index + row);
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
