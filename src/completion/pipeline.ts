/** All of completion, from keystroke to ghost text: gate, cache, debounce, one request in flight, clean-up. */
import { afterAccepting, isSame, leadsTo } from './ahead.ts';
import { Airborne } from './airborne.ts';
import { Anchors } from './prompt/anchor.ts';
import { chanceOf, defaultCalibration } from './answer/chance.ts';
import { CompletionCache } from './cache.ts';
import { cleanUp, type DropReason } from './answer/clean-up.ts';
import type { CompleteInput, Completer, CompleterOptions, Completion } from './completer.ts';
import { defaultBudget, type ContextBudget } from './prompt/context.ts';
import { Debounce } from './debounce.ts';
import { Edits } from './edits.ts';
import { fetchAnswer, type OnPiece } from './fetch.ts';
import { aborted, Flight, type Answer } from './flight.ts';
import { gate, impossible, type GateReason } from './gate.ts';
import { Moment } from './moment.ts';
import { Pace } from './pace.ts';
import { PromptSpeed } from './prompt/prompt-speed.ts';
import { buildPrompt } from './prompt/prompt.ts';
import { reachAt } from './prompt/reach.ts';
import { RepositoryParts } from './prompt/repository-parts.ts';
import { emptyStatistics, type CompletionStatistics } from './statistics.ts';
import type { ModelRequest, ContextFile, CursorDocument, Reach } from './types.ts';
import { changeOf, lengthsOf, windowOf } from './prompt/window.ts';
import { isTrivial } from './answer/whole.ts';

export function createCompleter(options: CompleterOptions): Completer {
  return new CompletionPipeline(options);
}

/** What is found for a place: of a request, with it. */
type Found = Omit<Completion, 'delay'> & { flight?: Flight };

interface Landed {
  flight: Flight;
  answer: Answer;
}

/** Number of sampled answers besides the most likely one, and their temperature. */
const ALTERNATIVES = 2;
const TEMPERATURE = 0.7;

class CompletionPipeline implements Completer {
  private readonly cache = new CompletionCache();
  private readonly anchors = new Anchors();
  private readonly edits = new Edits();
  private readonly moment = new Moment();
  private readonly pace = new Pace();
  private readonly others: RepositoryParts;
  private readonly speed = new PromptSpeed();
  private readonly debounce: Debounce;
  private readonly byAdapter = new Map<string, CompletionStatistics>();
  private readonly now: () => number;
  private readonly sleep: (milliseconds: number) => Promise<void>;
  private readonly air: Airborne;
  /** Ends the waiting of the newest question. */
  private waiting: AbortController | undefined;
  private reading: AbortController | undefined;
  /** Its first line was handed out; the rest is still being generated. */
  private streaming: Flight | undefined;
  /** What follows the shown completion, asked for in advance. */
  private ahead: Flight | undefined;
  private last: CursorDocument | undefined;
  /** Characters that the newest change wrote. */
  private step = 0;

  constructor(private readonly options: CompleterOptions) {
    this.debounce = new Debounce(options.debounceMs);
    this.now = options.now ?? (() => performance.now());
    this.sleep =
      options.sleep ?? ((milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)));
    this.others = new RepositoryParts(this.sleep);
    this.air = new Airborne(this.sleep);
  }

  async complete(whole: CompleteInput): Promise<Completion | undefined> {
    const input = { ...whole, ...windowOf(whole) };
    this.noticeKey(input);
    this.reading?.abort();
    if (input.invoked) this.air.stop();
    else this.air.leadingTo(input);
    this.waiting?.abort();
    this.waiting = undefined;
    if (this.streaming && !this.streaming.leadsThrough(input)) this.stopStreaming();
    if (this.ahead && !leadsTo(this.ahead, input)) this.stopAhead();
    const found = await this.answer(input);
    if (!found) return undefined;
    const unwanted = input.invoked ? undefined : this.unwanted(input, found.text);
    if (unwanted) return this.quiet(this.of(input.adapter), unwanted);
    if (this.options.ahead && !this.streaming && !input.signal?.aborted) this.askAhead(input, found.text);
    const { flight, ...completion } = found;
    const delay = this.delayOf(input, completion.text, flight);
    if (delay === 0) this.edits.shows(input);
    return { ...completion, delay };
  }

  /** Why what was found is not shown to a person who has not asked for it. */
  private unwanted(input: CompleteInput, text: string): 'undoes' | 'trivial' | undefined {
    if (this.edits.undoes(input, text)) return 'undoes';
    // Of one that was never shown, so little may be left by now that it is not worth a look.
    const isNew = !this.moment.goesOn(input, text, this.step);
    return input.least && isNew && isTrivial(text) ? 'trivial' : undefined;
  }

  private delayOf(input: CompleteInput, text: string, flight: Flight | undefined): number {
    const logprob = flight?.logprobOfRest(input, text);
    return this.moment.delay(input, text, {
      chance:
        logprob === undefined ? undefined : chanceOf(logprob, this.options.calibration ?? defaultCalibration),
      step: this.step,
      restIn: input.invoked ? 0 : this.debounce.restIn(this.now()),
    });
  }

  private async answer(input: CompleteInput): Promise<Found | undefined> {
    const counts = this.of(input.adapter);
    const place = { ...input, selections: input.selections ?? [0] };
    const closed = impossible(place);
    if (closed) {
      this.air.stop();
      return this.quiet(counts, closed);
    }
    if (!input.invoked && this.edits.deletes(input)) return this.quiet(counts, 'deleting');
    // The end of a statement or the middle of a line is no place to begin, but a completion that was shown continues.
    const cached =
      this.cache.get(input, input.adapter) ?? (this.streaming && (await this.restOf(this.streaming, input)));
    // Where nothing was worth showing, somebody who asks with a key wants to see it.
    if (cached !== undefined && (cached || !input.invoked)) {
      counts.cached += 1;
      return cached ? { text: cached, source: 'cache' } : undefined;
    }
    if (input.signal?.aborted) return undefined;
    const reason = input.invoked ? undefined : gate(place);
    if (reason) return this.quiet(counts, reason);
    return this.ask(input, counts);
  }

  /** What a flight whose first line was typed or accepted brings in addition. */
  private async restOf(flight: Flight, input: CompleteInput): Promise<string | undefined> {
    const { signal = new AbortController().signal } = input;
    await Promise.race([flight.whole.catch(() => undefined), aborted(signal)]);
    return signal.aborted ? undefined : this.cache.get(input, input.adapter);
  }

  /** Learns the rhythm of typing, and what was written and deleted. */
  private noticeKey(input: CompleteInput): void {
    const { path, languageId, before, after, hidden } = input;
    const { last } = this;
    this.last = { path, languageId, before, after, ...(hidden ? { hidden } : {}) };
    const change = last?.path === path ? changeOf(last, this.last) : 'none';
    if (last && change !== 'none') {
      this.debounce.typed(this.now());
      this.step = lengthsOf(this.last).before - lengthsOf(last).before;
    }
    this.edits.notice(this.last);
  }

  private async ask(input: CompleteInput, counts: CompletionStatistics): Promise<Found | undefined> {
    const stop = new AbortController();
    this.waiting = stop;
    const { signal } = stop;
    const abort = () => stop.abort();
    input.signal?.addEventListener('abort', abort, { once: true });
    try {
      const flying = this.air.leadingTo(input);
      const flown = flying && (await this.landFlying(flying, input, signal, counts));
      if (flown || signal.aborted) return flown;
      const ahead = this.ahead && (await this.landAhead(this.ahead, input, signal));
      // Whoever asks next may be waiting for that flight.
      if (signal.aborted) return undefined;
      const landed = ahead ?? (await this.land(this.fly(input), input, signal));
      return landed && this.show(landed, counts);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    } finally {
      input.signal?.removeEventListener('abort', abort);
      if (this.waiting === stop) this.waiting = undefined;
    }
  }

  /** What a request brings here that was made some keys ago. */
  private async landFlying(
    flight: Flight,
    input: CompleteInput,
    signal: AbortSignal,
    counts: CompletionStatistics,
  ): Promise<Found | undefined> {
    const since = this.now();
    return this.air.land(flight, input, signal, ({ cleaned }) => {
      const text = this.cache.get(input, input.adapter);
      if (!text || 'dropped' in cleaned) return undefined;
      this.noteAnswer(counts, this.now() - since);
      return { text, source: 'model', flight, ...this.goesOn(flight, cleaned.text) } satisfies Found;
    });
  }

  /** Keeps a flight that has only brought its first line. */
  private goesOn(flight: Flight, shown: string): Pick<Completion, 'more'> {
    if (flight.landed) return {};
    this.streaming = flight;
    const more = flight.whole
      .then((whole) => whole !== undefined && 'text' in whole.cleaned && whole.cleaned.text !== shown)
      .catch(() => false)
      .finally(() => this.streaming === flight && (this.streaming = undefined));
    return { more };
  }

  private fly(input: CompleteInput): Flight {
    return new Flight(input, input.adapter, new AbortController(), async (own) => {
      const { signal } = own.stop;
      if (!input.invoked) await this.pause(input.before, signal);
      if (signal.aborted) return undefined;
      return this.fetch(input, own, () => (this.of(input.adapter).asked += 1));
    });
  }

  private async land(flight: Flight, input: CompleteInput, signal: AbortSignal): Promise<Landed | undefined> {
    return this.air.land(this.air.takeOff(flight), input, signal, (answer) => ({ flight, answer }));
  }

  private show({ flight, answer }: Landed, counts: CompletionStatistics): Found | undefined {
    this.noteAnswer(counts, answer.took);
    if ('dropped' in answer.cleaned) return this.quiet(counts, answer.cleaned.dropped);
    const { text } = answer.cleaned;
    return { text, source: 'model', flight, ...this.goesOn(flight, text) };
  }

  private noteAnswer(counts: CompletionStatistics, milliseconds: number): void {
    counts.latencyMs = milliseconds;
    this.options.onAnswer?.(milliseconds);
  }

  private async pause(before: string, signal: AbortSignal): Promise<void> {
    const milliseconds = this.debounce.wait(before);
    if (milliseconds > 0 && !signal.aborted) await Promise.race([this.sleep(milliseconds), aborted(signal)]);
  }

  /** The answer to an advance request for exactly this place; any other advance request is stopped. */
  private async landAhead(
    ahead: Flight,
    input: CompleteInput,
    signal: AbortSignal,
  ): Promise<Landed | undefined> {
    if (!ahead.asked || !isSame(ahead.document, input)) {
      this.stopAhead();
      return undefined;
    }
    this.ahead = undefined;
    const landed = await this.land(ahead, input, signal).catch(() => undefined);
    // Somebody who asks with a key sees what was too unlikely to be shown by itself.
    if (input.invoked && landed && 'dropped' in landed.answer.cleaned) return undefined;
    if (landed) this.of(input.adapter).awaited += 1;
    return landed;
  }

  /** Asks the model and caches its answer, the first line already before the rest. Undefined if it was stopped. */
  private async fetch(input: CompleteInput, flight: Flight, onAsk: () => void): Promise<Answer | undefined> {
    flight.asked = true;
    const { request, reach } = await this.prompt(input);
    if (flight.stop.signal.aborted) return undefined;
    onAsk();
    const start = this.now();
    return fetchAnswer(flight, {
      ask: (signal, onText) => {
        let first = true;
        const noted: OnPiece = (piece, logprob) => {
          // The first piece of an answer tells how long its prompt took.
          if (first) this.noteFirst(request, this.now() - start);
          first = false;
          onText(piece, logprob);
        };
        return this.pace.watch(input.adapter, { now: this.now, onText: noted }, (heard) =>
          this.options.request(request, signal, heard),
        );
      },
      document: input,
      reach,
      most: request.maxTokens,
      showing: {
        calibration: this.options.calibration ?? defaultCalibration,
        least: input.invoked ? 0 : (input.least ?? 0),
      },
      now: this.now,
      cache: this.cache,
    });
  }

  private noteFirst(request: ModelRequest, milliseconds: number): void {
    this.debounce.answered(milliseconds);
    this.speed.answered(request, milliseconds);
  }

  private async prompt(input: CompleteInput): Promise<{ request: ModelRequest; reach: Reach }> {
    const { fillInTheMiddle, maxTokens, budget = defaultBudget, wholeRepositories } = this.options;
    const reach = reachAt(input);
    const request = buildPrompt(input, {
      model: input.adapter,
      fillInTheMiddle: await fillInTheMiddle(),
      maxTokens: input.invoked ? maxTokens() : this.pace.tokens(input.adapter, maxTokens()),
      reach,
      budget,
      gap: this.anchors.gapAt(input, budget),
      context: input.context ?? (await this.otherFiles(input, budget)),
      ...(wholeRepositories ? { wholeRepositories } : {}),
    });
    return { request, reach };
  }

  private async otherFiles(input: CompleteInput, budget: ContextBudget): Promise<readonly ContextFile[]> {
    if (!input.place || !budget.others || !(input.files ?? input.parts)) return [];
    // A server elsewhere gets no parts, and no more than a person has allowed.
    return this.others.choose(input, input, () =>
      input.parts ? this.speed.others(budget) : (budget.others ?? 0),
    );
  }

  async alternatives(whole: CompleteInput, shown: string): Promise<string[]> {
    const input = { ...whole, ...windowOf(whole) };
    const { signal = new AbortController().signal } = input;
    this.stopAhead();
    const { request, reach } = await this.prompt(input);
    const texts = new Set<string>();
    for (let seed = 1; seed <= ALTERNATIVES && !signal.aborted; seed += 1) {
      this.of(input.adapter).asked += 1;
      const sampled = { ...request, temperature: TEMPERATURE, seed };
      const text = await this.options.request(sampled, signal, () => undefined);
      const cleaned = cleanUp(text, input, reach);
      if ('text' in cleaned && cleaned.text !== shown) texts.add(cleaned.text);
    }
    return [...texts];
  }

  async readAhead(whole: CompleteInput): Promise<void> {
    const input = { ...whole, ...windowOf(whole) };
    if (this.air.busy || this.ahead || impossible({ selections: [0], ...input })) return;
    this.reading?.abort();
    const stop = new AbortController();
    this.reading = stop;
    const { request } = await this.prompt(input);
    if (stop.signal.aborted) return;
    const start = this.now();
    const read = this.options.request({ ...request, maxTokens: 0 }, stop.signal, () => undefined);
    // A real request tells what is wrong.
    await read.catch(() => stop.abort());
    this.speed.answered(request, stop.signal.aborted ? undefined : this.now() - start);
  }

  /**
   * Requests what follows the shown completion, unless something else is requested. Errors appear only on a real
   * request.
   */
  private askAhead(input: CompleteInput, shown: string): void {
    const document = afterAccepting(input, shown);
    if (!document || (this.ahead && isSame(this.ahead.document, document))) return;
    this.stopAhead();
    if (this.cache.get(document, input.adapter) !== undefined) return;
    const flight = new Flight(document, input.adapter, new AbortController(), async (own) => {
      await this.pause(document.before, own.stop.signal);
      if (own.stop.signal.aborted || this.air.busy) return undefined;
      const counts = this.of(input.adapter);
      // Nobody has asked for this one with a key.
      const next = { ...input, ...windowOf(document), invoked: false };
      return this.fetch(next, own, () => (counts.ahead += 1));
    });
    this.ahead = flight;
    void flight.whole.catch(() => undefined).finally(() => this.ahead === flight && (this.ahead = undefined));
  }

  private stopAhead(): void {
    this.ahead?.stop.abort();
    this.ahead = undefined;
  }

  private stopStreaming(): void {
    this.streaming?.stop.abort();
    this.streaming = undefined;
  }

  private quiet(
    counts: CompletionStatistics,
    reason: GateReason | DropReason | 'deleting' | 'undoes',
  ): undefined {
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
    this.reading?.abort();
    this.waiting?.abort();
    this.air.stop();
    this.stopAhead();
    this.stopStreaming();
    this.others.forget();
    this.anchors.forget();
    this.moment.forget();
    this.speed.forget();
    this.cache.clear();
  }
}
