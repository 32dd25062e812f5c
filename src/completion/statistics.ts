/** What happened to an adapter's completions. Kept here, sent nowhere. */
export interface CompletionStatistics {
  /** Requests to the engine. */
  asked: number;
  /** Answers from the cache, typed-through ones among them. */
  cached: number;
  /** The last answer's time, in milliseconds. */
  latencyMs: number | undefined;
  /** Why nothing was shown, and how often. */
  quiet: Record<string, number>;
}

export function emptyStatistics(): CompletionStatistics {
  return { asked: 0, cached: 0, latencyMs: undefined, quiet: {} };
}
