/**
 * How fast models write on this machine. Where they are slow, less is asked for, so that the whole answer comes while
 * somebody still waits for it. Pure.
 */

import type { OnPiece } from './fetch.ts';

/** Longest time, in ms, that a whole answer may take to write. */
const PATIENCE_MS = 4000;
/** About a line: less is no help. */
const FEWEST_TOKENS = 16;
/** Shorter pieces of an answer say too little about the pace. */
const FEWEST_PIECES = 4;
/** Weight of the newest answer. */
const NEWEST = 0.3;

export class Pace {
  /** Milliseconds per token, by adapter. */
  private readonly paces = new Map<string, number>();

  /** An answer of `pieces` tokens, of which the first came `milliseconds` before the last. */
  wrote(adapter: string, pieces: number, milliseconds: number): void {
    if (pieces < FEWEST_PIECES || milliseconds < 0) return;
    const now = milliseconds / (pieces - 1);
    const before = this.paces.get(adapter) ?? now;
    this.paces.set(adapter, before + NEWEST * (now - before));
  }

  /** Calls `ask` and learns from the pieces that it is told, however it ends. `now`: a clock in ms. */
  async watch<R>(
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
      this.wrote(adapter, pieces, last - first);
    }
  }

  /** How many tokens to ask for, of at most `most`. All of them while nothing is known of the adapter. */
  tokens(adapter: string, most: number): number {
    const pace = this.paces.get(adapter);
    if (!pace) return most;
    return Math.min(most, Math.max(FEWEST_TOKENS, Math.floor(PATIENCE_MS / pace)));
  }
}
