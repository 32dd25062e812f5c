/**
 * How fast models generate on this machine. Slow ones are asked for fewer tokens, so that the whole answer arrives
 * while the user is still waiting for it. Pure.
 */

import type { OnPiece } from './fetch.ts';

/** Longest time, in ms, that a whole answer may take to generate. */
const PATIENCE_MS = 4000;
/** About a line; less would be useless. */
const MIN_TOKENS = 16;
/** Answers with fewer pieces say too little about the pace. */
const MIN_PIECES = 4;
/** Weight of the newest answer in the moving average. */
const NEWEST_WEIGHT = 0.3;

export class Pace {
  /** Milliseconds per token, by adapter. */
  private readonly paces = new Map<string, number>();

  /** An answer of `pieces` tokens, of which the first came `milliseconds` before the last. */
  record(adapter: string, pieces: number, milliseconds: number): void {
    if (pieces < MIN_PIECES || milliseconds < 0) return;
    const now = milliseconds / (pieces - 1);
    const before = this.paces.get(adapter) ?? now;
    this.paces.set(adapter, before + NEWEST_WEIGHT * (now - before));
  }

  /** Calls `ask` and learns from the pieces it reports, however it ends. `now`: a clock in ms. */
  async measure<R>(
    adapter: string,
    { now, onText }: { now: () => number; onText: OnPiece },
    ask: (onText: OnPiece) => Promise<R>,
  ): Promise<R> {
    let [pieces, first, last] = [0, 0, 0];
    try {
      return await ask((piece, logprob) => {
        last = now();
        if (pieces === 0) first = last;
        pieces += 1;
        onText(piece, logprob);
      });
    } finally {
      this.record(adapter, pieces, last - first);
    }
  }

  /** How many tokens to ask for, at most `most`. Returns `most` while nothing is known about the adapter. */
  tokens(adapter: string, most: number): number {
    const pace = this.paces.get(adapter);
    if (!pace) return most;
    return Math.min(most, Math.max(MIN_TOKENS, Math.floor(PATIENCE_MS / pace)));
  }
}
