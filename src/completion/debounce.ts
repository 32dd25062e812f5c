/**
 * How long to wait for the next keystroke: the setting, else the person's usual time between two, within bounds. Never
 * longer than an answer takes to begin, since asking in vain costs no more than waiting.
 */

const SHORTEST_MS = 75;
const LONGEST_MS = 300;
const FIRST_MS = 150;
/** Pauses longer than this are thinking, not typing. */
const TYPING_MS = 1000;
const WEIGHT = 0.1;
/** A person who has pressed no key for so many of the usual gaps rests; in ms within these bounds. */
const REST = { gaps: 2, shortest: 250, longest: 500 };

export class Debounce {
  private gap = FIRST_MS;
  private lastKey: number | undefined;
  private latency = Infinity;

  /** `fixed`: milliseconds that the person has set. */
  constructor(private readonly fixed?: number) {}

  /** Call this at each keystroke; `now` in milliseconds. */
  typed(now: number): void {
    const since = this.lastKey === undefined ? Infinity : now - this.lastKey;
    this.lastKey = now;
    if (since < TYPING_MS) this.gap += WEIGHT * (since - this.gap);
  }

  /** The newest answer began after so many milliseconds. */
  answered(milliseconds: number): void {
    this.latency = milliseconds;
  }

  /** Milliseconds to wait. Less if no word is being typed: people pause there, and an answer is worth more. */
  wait(before: string): number {
    if (this.fixed !== undefined) return this.fixed;
    const rate = /[\w$]$/.test(before) ? 1.5 : 1;
    const usual = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, this.gap * rate));
    return Math.round(Math.min(usual, this.latency));
  }

  /** Milliseconds until the person rests, if no further key comes. */
  restIn(now: number): number {
    if (this.lastKey === undefined) return 0;
    const rest = Math.min(REST.longest, Math.max(REST.shortest, this.gap * REST.gaps));
    return Math.max(0, Math.ceil(this.lastKey + rest - now));
  }
}
