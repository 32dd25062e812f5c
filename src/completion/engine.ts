/** The whole of completion, from keystroke to ghost text: gate, cache, debounce, one request in flight, clean-up. */
import { CompletionCache } from './cache.ts';
import { cleanUp, type DropReason } from './clean-up.ts';
import type { ContextBudget } from './context.ts';
import { Debounce } from './debounce.ts';
import { gate, type GateReason } from './gate.ts';
import { buildPrompt } from './prompt.ts';
import { reachAt } from './reach.ts';
import { emptyStatistics, type CompletionStatistics } from './statistics.ts';
import type { CompletionAsk, CursorDocument } from './types.ts';

export interface CompleterOptions {
  /** Asks the engine; must stop it when the signal aborts. */
  request: (ask: CompletionAsk, signal: AbortSignal) => Promise<string>;
  /** Whether the base has fill-in-the-middle tokens; may take a while, while the engine starts. */
  fillInTheMiddle: () => boolean | Promise<boolean>;
  /** Longest completion in tokens; read at every request. */
  maxTokens: () => number;
  /** Milliseconds of pause to begin with; it then follows the person's typing. */
  debounceMs?: number;
  budget?: ContextBudget;
  /** Milliseconds, monotonic. */
  now?: () => number;
  sleep?: (milliseconds: number) => Promise<void>;
}

export interface CompleteInput extends CursorDocument {
  /** Adapter or model that answers. */
  adapter: string;
  /** Lengths of the selections, one per cursor; `[0]` is one cursor without a selection. */
  selections?: readonly number[];
  /** Asked for by a key: no waiting, and also at the end of a statement. */
  invoked?: boolean;
  signal?: AbortSignal;
}

export interface Completion {
  text: string;
  source: 'cache' | 'engine';
}

export interface Completer {
  /** What to show at the cursor, or undefined. Errors of `request` are thrown, unless nobody waits any more. */
  complete(input: CompleteInput): Promise<Completion | undefined>;
  /** By adapter; since this completer was made. */
  statistics(adapter: string): Readonly<CompletionStatistics>;
  /** Stops what is in flight and forgets what was answered: another base, another server. */
  reset(): void;
}

export function createCompleter(options: CompleterOptions): Completer {
  return new Engine(options);
}

class Engine implements Completer {
  private readonly cache = new CompletionCache();
  private readonly debounce: Debounce;
  private readonly byAdapter = new Map<string, CompletionStatistics>();
  private readonly now: () => number;
  private readonly sleep: (milliseconds: number) => Promise<void>;
  private inFlight: AbortController | undefined;
  private last: CursorDocument | undefined;

  constructor(private readonly options: CompleterOptions) {
    this.debounce = new Debounce(options.debounceMs);
    this.now = options.now ?? (() => performance.now());
    this.sleep =
      options.sleep ?? ((milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)));
  }

  async complete(input: CompleteInput): Promise<Completion | undefined> {
    const deleting = this.noticeKey(input);
    // Whatever is asked now, the older question has no more use.
    this.inFlight?.abort();
    this.inFlight = undefined;
    const counts = this.of(input.adapter);
    const place = { ...input, selections: input.selections ?? [0] };
    // The end of a statement is no place to begin, but what was shown before it goes on.
    const closed = gate({ ...place, invoked: true });
    if (closed) return this.quiet(counts, closed);
    const cached = this.cache.get(input, input.adapter);
    if (cached !== undefined) {
      counts.cached += 1;
      return cached ? { text: cached, source: 'cache' } : undefined;
    }
    const reason = gate(place) ?? (deleting ? 'deleting' : undefined);
    if (reason && !input.invoked) return this.quiet(counts, reason);
    return this.ask(input, counts);
  }

  /** Learns the rhythm of typing. Returns whether the last key deleted text. */
  private noticeKey({ path, languageId, before, after }: CompleteInput): boolean {
    const last = this.last;
    this.last = { path, languageId, before, after };
    if (last?.path !== path || last.before === before) return false;
    this.debounce.typed(this.now());
    return (
      last.before.length > before.length &&
      last.before.startsWith(before) &&
      last.after.length <= after.length
    );
  }

  private async ask(input: CompleteInput, counts: CompletionStatistics): Promise<Completion | undefined> {
    const flight = new AbortController();
    this.inFlight = flight;
    const abort = () => flight.abort();
    if (input.signal?.aborted) return undefined;
    input.signal?.addEventListener('abort', abort, { once: true });
    try {
      if (!input.invoked)
        await Promise.race([this.sleep(this.debounce.wait(input.before)), aborted(flight.signal)]);
      if (flight.signal.aborted) return undefined;
      return await this.fetch(input, counts, flight.signal);
    } catch (error) {
      if (flight.signal.aborted) return undefined;
      throw error;
    } finally {
      input.signal?.removeEventListener('abort', abort);
      if (this.inFlight === flight) this.inFlight = undefined;
    }
  }

  private async fetch(
    input: CompleteInput,
    counts: CompletionStatistics,
    signal: AbortSignal,
  ): Promise<Completion | undefined> {
    const { fillInTheMiddle, maxTokens, budget, request } = this.options;
    const reach = reachAt(input);
    const { ask, heal } = buildPrompt(input, {
      model: input.adapter,
      fillInTheMiddle: await fillInTheMiddle(),
      maxTokens: maxTokens(),
      reach,
      ...(budget ? { budget } : {}),
    });
    if (signal.aborted) return undefined;
    const start = this.now();
    counts.asked += 1;
    const answer = await request(ask, signal);
    if (signal.aborted) return undefined;
    counts.latencyMs = this.now() - start;
    const cleaned = cleanUp(answer, input, { reach, heal });
    const text = 'text' in cleaned ? cleaned.text : '';
    this.cache.put(input, input.adapter, text);
    if ('dropped' in cleaned) return this.quiet(counts, cleaned.dropped);
    return { text, source: 'engine' };
  }

  private quiet(counts: CompletionStatistics, reason: GateReason | DropReason | 'deleting'): undefined {
    counts.quiet[reason] = (counts.quiet[reason] ?? 0) + 1;
  }

  statistics(adapter: string): Readonly<CompletionStatistics> {
    return this.of(adapter);
  }

  private of(adapter: string): CompletionStatistics {
    const known = this.byAdapter.get(adapter) ?? emptyStatistics();
    this.byAdapter.set(adapter, known);
    return known;
  }

  reset(): void {
    this.inFlight?.abort();
    this.inFlight = undefined;
    this.cache.clear();
  }
}

/** Settles when the signal aborts, so that nothing waits for a pause that no longer matters. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
