/** What happened to an adapter's completions. Kept here, sent nowhere. */
export interface CompletionStatistics {
  /** Requests to the engine that somebody waited for. */
  asked: number;
  /** Answers from the cache, typed-through ones among them. */
  cached: number;
  /** Requests for what follows a completion, made before it was accepted. */
  ahead: number;
  /** Of those, the ones whose answer was wanted while they were under way. */
  awaited: number;
  /** The last answer's time, in milliseconds. */
  latencyMs: number | undefined;
  /** Why nothing was shown, and how often. */
  quiet: Record<string, number>;
}

export function emptyStatistics(): CompletionStatistics {
  return { asked: 0, cached: 0, ahead: 0, awaited: 0, latencyMs: undefined, quiet: {} };
}
