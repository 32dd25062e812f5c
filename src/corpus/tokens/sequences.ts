/** What training and held-out measurement read: sequences of tokens that know their documents. */

export interface Sequence {
  /** length + 1 tokens. */
  tokens: Int32Array;
  /** [length]: 1 where predicting tokens[i + 1] from what is before it counts, else 0. */
  learned: Uint8Array;
  /** [length]: where in the sequence the document of tokens[i] begins; attention goes no further back. */
  starts: Int32Array;
  /** Of held-out windows: where in the split's tokens the document begins that most of the learned tokens are of. */
  document?: number;
}

/** Training sequences by number, a pure function of it: a run goes on exactly where it stopped. */
export interface SequenceSource {
  /** Predictions in each. */
  readonly length: number;
  readonly perEpoch: number;
  at(index: number): Sequence;
}
