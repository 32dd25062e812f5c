/**
 * How long to wait for the next keystroke if that is not configured: the user's usual interval between keystrokes,
 * within bounds. Never longer than the model's latency, since a wasted request costs no more than waiting.
 */

const MIN_MS = 75;
const MAX_MS = 300;
const FIRST_MS = 150;
/** Longer pauses are for thinking, not typing. */
const TYPING_MS = 1000;
const WEIGHT = 0.1;
/** The user counts as idle after this many usual intervals without a key; in ms, within these bounds. */
const REST = { gaps: 2, shortest: 250, longest: 500 };

export class Debounce {
  private gap = FIRST_MS;
  private lastKey: number | undefined;
  private latency = Infinity;

  /** To be called at each keystroke; `now` in milliseconds. */
  typed(now: number): void {
    const since = this.lastKey === undefined ? Infinity : now - this.lastKey;
    this.lastKey = now;
    if (since < TYPING_MS) this.gap += WEIGHT * (since - this.gap);
  }

  /** Records the latency of the newest answer. */
  answered(milliseconds: number): void {
    this.latency = milliseconds;
  }

  /** Milliseconds to wait. Shorter outside of words: people pause there, and an answer is worth more. */
  wait(before: string): number {
    const rate = /[\w$]$/.test(before) ? 1.5 : 1;
    const usual = Math.min(MAX_MS, Math.max(MIN_MS, this.gap * rate));
    return Math.round(Math.min(usual, this.latency));
  }

  /** Milliseconds until the user counts as idle, if no further key is pressed. */
  msUntilIdle(now: number): number {
    if (this.lastKey === undefined) return 0;
    const rest = Math.min(REST.longest, Math.max(REST.shortest, this.gap * REST.gaps));
    return Math.max(0, Math.ceil(this.lastKey + rest - now));
  }
}
