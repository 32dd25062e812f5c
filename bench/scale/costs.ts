/**
 * What a request costs, and what a person who types asks: measured figures, and where they are from. Seconds and bytes.
 * All are of Qwen2.5-Coder-0.5B (Q4_K_M) with an adapter of rank 16 on all linears, and two cores of an AMD EPYC.
 */

/** docs/benchmarks.md, "What a token costs": processor seconds of one thread, the least of nine turns. */
const ONE_THREAD = { token: 0.0409, adapter: 0.0051, rows8: 0.117, rows64: 0.645 };
/** As two idle cores would take it at best: the rule of `bench:felt -- --clock processor`. */
const THREADS = 2;

export const costs = {
  /** A token of an answer. */
  token: (ONE_THREAD.token + ONE_THREAD.adapter) / THREADS,
  /** A token of a prompt that is read in steps of 64. */
  row: ONE_THREAD.rows64 / 64 / THREADS,
  /** What a key has changed: eight tokens at the prompt's end. */
  changed: ONE_THREAD.rows8 / THREADS,
  /**
   * Tokens of a whole prompt: 4,600 characters (`defaultBudget` in src/completion/context.ts) at 3.6 characters a
   * token of code, which is assumed.
   */
  promptTokens: 1280,
  /** Tokens until a first line can be shown: with `changed`, they make about the 162 ms of `bench:felt`. */
  firstTokens: 5,
  /** Tokens of a whole answer: those that the latency figure of docs/science.md counts. */
  answerTokens: 16,
  /** How much longer an adapter's first request takes: `loadMs` of `npm run bench:serving -- --load-only`. */
  load: 0.06,
  /** Prompts are read in steps of so many tokens; between two of them, and between two tokens, a request can end. */
  step: 64,
} as const;

export const memory = {
  /** 8.8 million parameters in F32. */
  adapter: 35.2e6,
  /** Three prompts of 2,048 tokens (docs/benchmarks.md, "What a token costs"). */
  context: 114.9e6,
  /** Prompts that a model keeps, the one that it computes among them (docs/server.md, "Memory"). */
  prompts: 3,
} as const;

/**
 * How a person types, by the rhythm of `bench:felt`: 2 s before a line's first key, 200 to 300 ms a key. A request
 * stays while what is typed may be what it writes, so with 3.5 requests a line, 600 ms apart in the mean, these are the
 * 60 requests a minute that were measured there.
 */
export const typing = {
  pause: 2,
  gap: { least: 0.3, most: 0.9 },
  requests: { least: 2, most: 5 },
} as const;

/** Requests of a person in a minute of typing. */
export const requestsPerMinute = (): number => {
  const mean = ({ least, most }: { least: number; most: number }) => (least + most) / 2;
  const requests = mean(typing.requests);
  return (60 * requests) / (typing.pause + (requests - 1) * mean(typing.gap));
};

/** Assumed, as nobody was watched: what else the simulation takes from nowhere. */
export const assumed = {
  /** Popularity of adapters: the k-th is asked for in proportion to 1 / k^exponent. */
  zipf: 1,
  adapters: 1000,
  people: 2000,
  /** Lines that a person types without a longer break. */
  lines: { least: 1, most: 33 },
  /** How often a person goes on in another file than before. */
  otherFile: 0.5,
} as const;

export interface Fleet {
  servers: number;
  /** Requests that compute at once on a server: its cores divided by two threads. */
  slots: number;
  /** Requests of one adapter that compute at once on a server: `--sequences`. */
  perModel: number;
  /** Memory of a server for adapters and their contexts: `--memory`. */
  memory: number;
}

/** Ten servers of 16 cores and 32 GB, with the defaults of `serve`: a quarter of the memory, one sequence. */
export const fleet: Fleet = { servers: 10, slots: 8, perModel: 1, memory: 8e9 };
