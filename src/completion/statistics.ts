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
