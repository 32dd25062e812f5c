/** Log-probability of an answer's text, up to each of its pieces. */
export class Certainty {
  private readonly pieces: { from: number; logprob: number }[] = [];

  /** Adds a piece that begins at index `from` of the text; one without a log-probability is ignored. */
  add(from: number, logprob: number | undefined): void {
    if (logprob !== undefined) this.pieces.push({ from, logprob });
  }

  /** Log-probability of all tokens that begin in the first `length` characters; undefined if unknown. */
  upTo(length: number): number | undefined {
    if (this.pieces.length === 0) return undefined;
    return this.pieces.reduce((sum, { from, logprob }) => sum + (from < length ? logprob : 0), 0);
  }
}
