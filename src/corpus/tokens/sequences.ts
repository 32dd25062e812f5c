/** Token sequences with document boundaries, for training and held-out evaluation. */

export interface Sequence {
  /** length + 1 tokens. */
  tokens: Int32Array;
  /** [length]: 1 if the prediction of tokens[i + 1] counts, else 0. */
  learned: Uint8Array;
  /** [length]: where in the sequence the document of tokens[i] begins; attention sees nothing before it. */
  starts: Int32Array;
  /** For held-out windows: offset in the split's tokens of the document to which most of the window belongs. */
  document?: number;
}

/** Training sequences as a pure function of their index, so that a run resumes exactly where it stopped. */
export interface SequenceSource {
  /** Predictions in each sequence. */
  readonly length: number;
  readonly perEpoch: number;
  at(index: number): Sequence;
}
