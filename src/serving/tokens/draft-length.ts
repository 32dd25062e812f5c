/**
 * Decides how many guessed tokens are worth checking at once. All rows that are checked cost time, right or wrong, and
 * how much differs: a GPU computes ten at the price of one, two processor cores hardly faster than one by one. Pure.
 */

/** Rows that are computed together: llama.cpp's kernels multiply four at a time. */
const ROWS = [4, 8, 16];
/** Least gain that is worth it, as the figures are estimates. */
const LEAST_GAIN = 1.1;
/** Time of another row, relative to a single one, until it was measured. */
const ROW_SHARE = 0.5;
/** How often guesses are right by the length of the match, until that was seen. */
const RIGHT = [
  { matched: 2, share: 0.4 },
  { matched: 3, share: 0.6 },
  { matched: 5, share: 0.8 },
  { matched: 9, share: 0.9 },
];
/** Weight of the newest observation. */
const NEWEST = 0.1;

export class DraftLength {
  private readonly right = RIGHT.map(({ share }) => share);
  private single: number | undefined;
  private rowShare = ROW_SHARE;

  /** How many of `available` tokens to check after a match of `matched` tokens; 0: none. */
  choose(matched: number, available: number): number {
    const share = this.right[kindOf(matched)]!;
    let best = { tokens: 0, gain: LEAST_GAIN };
    for (const rows of ROWS) {
      const tokens = Math.min(rows - 1, available);
      // One token is right anyway: the one that is computed instead of the first wrong one.
      const gain = (1 - share ** (tokens + 1)) / (1 - share) / (1 + tokens * this.rowShare);
      if (gain > best.gain) best = { tokens, gain };
    }
    return best.tokens;
  }

  /** Of the guesses after such a match, `right` were right before one was wrong, or all of `tokens`. */
  learn(matched: number, tokens: number, right: number): void {
    const kind = kindOf(matched);
    for (let at = 0; at < Math.min(tokens, right + 1); at += 1)
      this.right[kind] = Math.min(0.98, mean(this.right[kind]!, at < right ? 1 : 0));
  }

  /** `rows` rows took `milliseconds`. */
  took(rows: number, milliseconds: number): void {
    if (rows === 1) this.single = this.single === undefined ? milliseconds : mean(this.single, milliseconds);
    else if (this.single)
      this.rowShare = Math.max(0, mean(this.rowShare, (milliseconds / this.single - 1) / (rows - 1)));
  }
}

const mean = (before: number, now: number) => before + NEWEST * (now - before);

const kindOf = (matched: number) => RIGHT.findLastIndex((kind) => matched >= kind.matched);
