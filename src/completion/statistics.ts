/** Counts of an adapter's completions. Kept on this machine, sent nowhere. */
export interface CompletionStatistics {
  /** Requests to the model that somebody waited for. */
  asked: number;
  /** Answers from the cache, including the rest of ghost text that is being typed. */
  cached: number;
  /** Requests for what follows a completion, made before it was accepted. */
  ahead: number;
  /** How many of those were wanted while still in flight. */
  awaited: number;
  /** Duration of the last answer, in milliseconds. */
  latencyMs: number | undefined;
  /** How often nothing was shown, by reason. */
  quiet: Record<string, number>;
}

export function emptyStatistics(): CompletionStatistics {
  return { asked: 0, cached: 0, ahead: 0, awaited: 0, latencyMs: undefined, quiet: {} };
}
