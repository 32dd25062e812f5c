import type { DropReason } from './answer/clean-up.ts';

/** Counts of an adapter's completions. They never leave this machine. */
export interface CompletionStatistics {
  /** Requests to the model, without prefetches. */
  asked: number;
  /** Answers from the cache, including the rest of ghost text that is being typed. */
  cached: number;
  /** Prefetches of what follows a completion, made before it was accepted. */
  ahead: number;
  /** How many prefetches were needed while still in flight. */
  awaited: number;
  /** Duration of the last answer, in milliseconds. */
  latencyMs: number | undefined;
  /** How often nothing was shown, by reason. */
  quiet: Record<string, number>;
}

export function emptyStatistics(): CompletionStatistics {
  return { asked: 0, cached: 0, ahead: 0, awaited: 0, latencyMs: undefined, quiet: {} };
}

/** Weight of the newest request in the latency that is shown. */
const NEWEST_WEIGHT = 0.3;

/** What the model's answers were like since it was chosen or its server was started. */
export class Answers {
  hasAnswered = false;
  /** Smoothed latency, without the first answer, which waits for the model to be loaded. */
  latencyMs: number | undefined;
  /** Why the newest answer was not shown. */
  dropped: DropReason | undefined;

  forget(): void {
    this.hasAnswered = false;
    this.latencyMs = undefined;
    this.dropped = undefined;
  }

  /** @param isBlind while models are compared by turns: these would show whose turn it is */
  note(milliseconds: number, dropped: DropReason | undefined, isBlind: boolean): void {
    const { latencyMs: before = milliseconds } = this;
    const isCounted = this.hasAnswered && !isBlind;
    this.latencyMs = isCounted ? before + NEWEST_WEIGHT * (milliseconds - before) : undefined;
    this.dropped = isBlind ? undefined : dropped;
    this.hasAnswered = true;
  }
}
