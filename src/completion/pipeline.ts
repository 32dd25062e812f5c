/**
 * The whole completion pipeline, from keystroke to ghost text: gate, cache, debounce, one request in flight, clean-up.
 */
import { afterAccepting, isSamePlace, mayReach } from './after-accepting.ts';
import { InFlight } from './in-flight.ts';
import { Anchors } from './prompt/anchor.ts';
import { chanceOf, defaultCalibration, policyAt } from './answer/chance.ts';
import { CompletionCache } from './cache.ts';
import type { DropReason } from './answer/clean-up.ts';
import type { CompleteInput, Completer, CompleterOptions, Completion } from './completer.ts';
import { defaultBudget, type ContextBudget } from './prompt/context.ts';
import { maxLinesAt } from './prompt/max-lines.ts';
import { Debounce } from './debounce.ts';
import { Edits } from './edits.ts';
import { fetchAnswer, type OnPiece } from './fetch.ts';
import { aborted, PendingAnswer, type Answer } from './pending-answer.ts';
import { gate, blockedReason, type GateReason } from './gate.ts';
import { ShowTiming } from './show-timing.ts';
import { Pace } from './pace.ts';
import { PromptSpeed } from './prompt/prompt-speed.ts';
import { buildPrompt } from './prompt/prompt.ts';
import { RepositoryParts } from './prompt/repository-parts.ts';
import { emptyStatistics, type CompletionStatistics } from './statistics.ts';
import type { ModelRequest, ContextFile, CursorDocument } from './types.ts';
import { changeOf, fullLengths, cutToWindow } from './prompt/window.ts';
import { isTrivial } from './answer/unfinished.ts';
import { isTooShort } from './answer/worth.ts';

export function createCompleter(options: CompleterOptions): Completer {
  return new CompletionPipeline(options);
}

/** A completion found for a place, with the request that produced it, if any. */
type Candidate = Omit<Completion, 'delay'> & { pending?: PendingAnswer };

interface Received {
  pending: PendingAnswer;
  answer: Answer;
}

class CompletionPipeline implements Completer {
  private readonly cache = new CompletionCache();
  private readonly anchors = new Anchors();
  private readonly edits = new Edits();
  private readonly timing = new ShowTiming();
  private readonly pace = new Pace();
  private readonly repositoryParts: RepositoryParts;
  private readonly speed = new PromptSpeed();
  private readonly debounce = new Debounce();
  private readonly byAdapter = new Map<string, CompletionStatistics>();
  private readonly now: () => number;
  private readonly sleep: (milliseconds: number) => Promise<void>;
  private readonly inFlight: InFlight;
  /** Cancels the newest wait. */
  private currentWait: AbortController | undefined;
  private reading: AbortController | undefined;
  /** Its first line was returned; the rest is still being generated. */
  private streaming: PendingAnswer | undefined;
  /** The prefetched continuation of the shown completion. */
  private ahead: PendingAnswer | undefined;
  private last: CursorDocument | undefined;
  /** Characters inserted by the newest change. */
  private changeLength = 0;

  constructor(private readonly options: CompleterOptions) {
    this.now = options.now ?? (() => performance.now());
    this.sleep =
      options.sleep ?? ((milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)));
    this.repositoryParts = new RepositoryParts(this.sleep);
    this.inFlight = new InFlight(this.sleep);
  }

  async complete(whole: CompleteInput): Promise<Completion | undefined> {
    const input = cutToWindow(whole);
    this.noticeKey(input);
    // Who asks for text wants it, even if it was deleted before.
    if (input.invoked) this.edits.forgetRemoved();
    this.reading?.abort();
    // The editor also requests explicitly when the mouse rests on a suggestion, which must not stop its growth.
    if (input.invoked && !this.streaming?.matches(input)) this.inFlight.stop();
    else this.inFlight.matching(input);
    this.currentWait?.abort();
    this.currentWait = undefined;
    if (this.streaming && !this.streaming.mayMatch(input)) this.stopStreaming();
    if (this.ahead && !mayReach(this.ahead, input)) this.stopAhead();
    const candidate = await this.answer(input);
    if (!candidate || input.canShow?.(candidate.text) === false) return undefined;
    const rejectionReason = input.invoked ? undefined : this.rejectionReason(input, candidate.text);
    if (rejectionReason) return this.countNotShown(this.statistics(input.adapter), rejectionReason);
    if (this.options.ahead && !this.streaming && !input.signal?.aborted) this.askAhead(input, candidate.text);
    const { pending, ...completion } = candidate;
    const delay = this.delayOf(input, completion.text, pending);
    if (delay === 0) this.edits.noteShown(input);
    return { ...completion, delay };
  }

  /** Why a completion is not shown unless it was requested explicitly; undefined if it is shown. */
  private rejectionReason(input: CompleteInput, text: string): 'undoes' | 'trivial' | undefined {
    if (this.edits.undoes(input, text)) return 'undoes';
    // If it was never shown, what is left by now may be too short to be worth showing.
    const isNew = !this.timing.continues(input, text, this.changeLength);
    return input.minChance && isNew && (isTrivial(text) || isTooShort(text)) ? 'trivial' : undefined;
  }

  private delayOf(input: CompleteInput, text: string, pending: PendingAnswer | undefined): number {
    const logprob = pending?.remainingLogprob(input, text);
    return this.timing.delay(input, text, {
      chance:
        logprob === undefined ? undefined : chanceOf(logprob, this.options.calibration ?? defaultCalibration),
      step: this.changeLength,
      msUntilIdle: input.invoked || input.isDue ? 0 : this.debounce.msUntilIdle(this.now()),
    });
  }

  private async answer(input: CompleteInput): Promise<Candidate | undefined> {
    const counts = this.statistics(input.adapter);
    const place = { ...input, selections: input.selections ?? [0] };
    const blocked = blockedReason(place);
    if (blocked) {
      this.inFlight.stop();
      return this.countNotShown(counts, blocked);
    }
    if (!input.invoked && this.edits.isDeletingAt(input)) return this.countNotShown(counts, 'deleting');
    // A new completion must not begin at the end of a statement or mid-line, but a shown one continues there.
    const cached =
      this.cache.get(input, input.adapter, input.invoked) ??
      (this.streaming && (await this.restOf(this.streaming, input)));
    // An explicit request also wants to see what was not worth showing before.
    if (cached !== undefined && (cached || !input.invoked)) {
      counts.cached += 1;
      // Once the first line is there, the editor asks for it again.
      const rest = this.streaming && this.keepStreaming(this.streaming);
      return cached ? { text: cached, source: 'cache', ...rest } : undefined;
    }
    if (input.signal?.aborted) return undefined;
    if (input.invoked) return this.askForAll(input, counts);
    return this.ask(input, counts, gate(place));
  }

  /** Asks for all of a suggestion of which a part may be shown already: by a key, or by the mouse resting on it. */
  private async askForAll(
    input: CompleteInput,
    counts: CompletionStatistics,
  ): Promise<Candidate | undefined> {
    const part = this.cache.get(input, input.adapter);
    const asked = await this.ask(input, counts);
    if (!part || asked?.text.startsWith(part)) return asked;
    this.cache.put(input, input.adapter, { text: part, isPart: true });
    return { text: part, source: 'cache' };
  }

  /** The rest of a request whose first line was typed or accepted. */
  private async restOf(pending: PendingAnswer, input: CompleteInput): Promise<string | undefined> {
    const { signal = new AbortController().signal } = input;
    await Promise.race([pending.whole.catch(() => undefined), pending.whenDiverged(input), aborted(signal)]);
    return signal.aborted ? undefined : this.cache.get(input, input.adapter, input.invoked);
  }

  /** Records the typing rhythm and the latest edit. */
  private noticeKey(input: CompleteInput): void {
    const { last } = this;
    this.last = input;
    const change = last?.path === input.path ? changeOf(last, input) : 'none';
    if (last && change !== 'none') {
      this.debounce.typed(this.now());
      this.changeLength = fullLengths(input).before - fullLengths(last).before;
    }
    this.edits.observe(input);
  }

  /** With a reason, nothing is begun, but what a key asked for is still wanted if the person types on before it arrives. */
  private async ask(
    input: CompleteInput,
    counts: CompletionStatistics,
    reason?: GateReason,
  ): Promise<Candidate | undefined> {
    const stop = new AbortController();
    this.currentWait = stop;
    const signal = input.signal ? AbortSignal.any([stop.signal, input.signal]) : stop.signal;
    try {
      const current = this.inFlight.matching(input);
      const mayJoin = current && (!reason || current.document.invoked);
      const joined = mayJoin && (await this.joinInFlight(current, input, signal, counts));
      if (joined) return joined;
      if (reason) return this.countNotShown(counts, reason);
      if (signal.aborted) return undefined;
      const ahead = this.ahead && (await this.takeAhead(this.ahead, input, signal));
      // A newer call may be waiting for that request, so don't touch it.
      if (signal.aborted) return undefined;
      const received = ahead ?? (await this.startAndWait(this.requestAfterPause(input), input, signal));
      return received && this.show(received, counts);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    } finally {
      if (this.currentWait === stop) this.currentWait = undefined;
    }
  }

  /** Uses the result of a request that was sent some keystrokes ago. */
  private async joinInFlight(
    pending: PendingAnswer,
    input: CompleteInput,
    signal: AbortSignal,
    counts: CompletionStatistics,
  ): Promise<Candidate | undefined> {
    const since = this.now();
    return this.inFlight.join(pending, input, signal, ({ cleaned }) => {
      const text = this.cache.get(input, input.adapter);
      if (!text || 'dropped' in cleaned) return undefined;
      this.noteAnswer(counts, this.now() - since);
      return {
        text,
        source: 'model',
        pending,
        ...this.keepStreaming(pending),
      } satisfies Candidate;
    });
  }

  /** Keeps a request of which only the first line has arrived. */
  private keepStreaming(pending: PendingAnswer): Pick<Completion, 'more'> {
    if (pending.settled) return {};
    this.streaming = pending;
    const end = () => this.streaming === pending && (this.streaming = undefined);
    return { more: pending.more.finally(end) };
  }

  private requestAfterPause(input: CompleteInput): PendingAnswer {
    return new PendingAnswer(input, async (own) => {
      const { signal } = own.stop;
      if (!input.invoked) await this.pause(input, signal);
      if (signal.aborted) return undefined;
      return this.fetch(input, own, () => (this.statistics(input.adapter).asked += 1));
    });
  }

  private async startAndWait(
    pending: PendingAnswer,
    input: CompleteInput,
    signal: AbortSignal,
  ): Promise<Received | undefined> {
    return this.inFlight.join(this.inFlight.start(pending), input, signal, (answer) => ({ pending, answer }));
  }

  private show({ pending, answer }: Received, counts: CompletionStatistics): Candidate | undefined {
    const { cleaned, took } = answer;
    this.noteAnswer(counts, took, 'dropped' in cleaned ? cleaned.dropped : undefined);
    if ('dropped' in cleaned) return this.countNotShown(counts, cleaned.dropped);
    return { text: cleaned.text, source: 'model', pending, ...this.keepStreaming(pending) };
  }

  private noteAnswer(counts: CompletionStatistics, milliseconds: number, dropped?: DropReason): void {
    counts.latencyMs = milliseconds;
    this.options.onAnswer?.(milliseconds, dropped);
  }

  private async pause({ before, debounceMs }: CompleteInput, signal: AbortSignal): Promise<void> {
    const milliseconds = debounceMs ?? this.debounce.wait(before);
    if (milliseconds > 0 && !signal.aborted) await Promise.race([this.sleep(milliseconds), aborted(signal)]);
  }

  /** The answer to a prefetch for exactly this place; any other prefetch is stopped. */
  private async takeAhead(
    ahead: PendingAnswer,
    input: CompleteInput,
    signal: AbortSignal,
  ): Promise<Received | undefined> {
    if (!ahead.sent || !isSamePlace(ahead.document, input)) {
      this.stopAhead();
      return undefined;
    }
    this.ahead = undefined;
    const received = await this.startAndWait(ahead, input, signal).catch(() => undefined);
    // An explicit request also sees what was too unlikely to be shown automatically.
    const cleaned = received?.answer.cleaned;
    if (input.invoked && cleaned && ('dropped' in cleaned || cleaned.isPart)) return undefined;
    if (received) this.statistics(input.adapter).awaited += 1;
    return received;
  }

  /** Queries the model and caches its answer, the first line before the rest. Undefined if it was stopped. */
  private async fetch(
    input: CompleteInput,
    pending: PendingAnswer,
    onAsk: () => void,
  ): Promise<Answer | undefined> {
    pending.sent = true;
    const maxLines = maxLinesAt(input);
    const request = await this.prompt(input, maxLines);
    if (pending.stop.signal.aborted) return undefined;
    onAsk();
    const start = this.now();
    return fetchAnswer(pending, {
      ask: (signal, onText) => {
        let first = true;
        const onPiece: OnPiece = (piece, logprob) => {
          // The arrival of the first piece shows how long the prompt took.
          if (first) this.noteFirstPiece(request, this.now() - start);
          first = false;
          onText(piece, logprob);
        };
        return this.pace.measure(input.adapter, { now: this.now, onText: onPiece }, (forward) =>
          this.options.request(request, signal, forward),
        );
      },
      document: input,
      maxLines,
      showing: policyAt(input, {
        calibration: this.options.calibration ?? defaultCalibration,
        minChance: input.invoked ? 0 : (input.minChance ?? 0),
        trust: input.trust ?? 1,
      }),
      now: this.now,
      cache: this.cache,
    });
  }

  private noteFirstPiece(request: ModelRequest, milliseconds: number): void {
    this.debounce.answered(milliseconds);
    this.speed.answered(request, milliseconds);
  }

  private async prompt(input: CompleteInput, maxLines: number): Promise<ModelRequest> {
    const { fillInTheMiddle, budget = defaultBudget, wholeRepositories } = this.options;
    const { adapter, invoked, maxTokens } = input;
    return buildPrompt(input, {
      model: adapter,
      fillInTheMiddle: await fillInTheMiddle(),
      maxTokens: invoked ? maxTokens : this.pace.tokens(adapter, maxTokens),
      maxLines,
      budget,
      gap: this.anchors.gapAt(input, budget),
      context: input.context ?? (await this.otherFiles(input, budget)),
      wholeRepositories,
    });
  }

  private async otherFiles(input: CompleteInput, budget: ContextBudget): Promise<readonly ContextFile[]> {
    if (!input.place || !budget.others || !(input.files ?? input.parts)) return [];
    // A remote server gets no snippets of the repository, and no more text than the user has allowed.
    return this.repositoryParts.choose(input, input, () =>
      input.parts ? this.speed.others(budget) : (budget.others ?? 0),
    );
  }

  async readAhead(whole: CompleteInput): Promise<void> {
    const input = cutToWindow(whole);
    if (this.inFlight.busy || this.ahead || blockedReason({ selections: [0], ...input })) return;
    this.reading?.abort();
    const stop = new AbortController();
    this.reading = stop;
    // If something is wrong here or below, a real request will report it.
    const request = await this.prompt(input, maxLinesAt(input)).catch(() => undefined);
    if (!request || stop.signal.aborted) return;
    const start = this.now();
    const read = this.options.request({ ...request, maxTokens: 0 }, stop.signal, () => undefined);
    await read.catch(() => stop.abort());
    this.speed.answered(request, stop.signal.aborted ? undefined : this.now() - start);
  }

  /**
   * Prefetches what follows the shown completion, unless another request is in flight. Errors surface only on a real
   * request.
   */
  private askAhead(input: CompleteInput, shown: string): void {
    const next = afterAccepting(input, shown);
    if (!next || (this.ahead && isSamePlace(this.ahead.document, next))) return;
    this.stopAhead();
    if (this.cache.get(next, next.adapter) !== undefined) return;
    const pending = new PendingAnswer(next, async (own) => {
      await this.pause(next, own.stop.signal);
      if (own.stop.signal.aborted || this.inFlight.busy) return undefined;
      const counts = this.statistics(next.adapter);
      // This one is not an explicit request.
      return this.fetch({ ...cutToWindow(next), invoked: false }, own, () => (counts.ahead += 1));
    });
    this.ahead = pending;
    void pending.whole
      .catch(() => undefined)
      .finally(() => this.ahead === pending && (this.ahead = undefined));
  }

  private stopAhead(): void {
    this.ahead?.stop.abort();
    this.ahead = undefined;
  }

  private stopStreaming(): void {
    this.streaming?.stop.abort();
    this.streaming = undefined;
  }

  private countNotShown(
    counts: CompletionStatistics,
    reason: GateReason | DropReason | 'deleting' | 'undoes',
  ): undefined {
    counts.quiet[reason] = (counts.quiet[reason] ?? 0) + 1;
  }

  filesChanged(paths: readonly string[]): void {
    this.repositoryParts.filesChanged(paths);
  }

  statistics(adapter: string): CompletionStatistics {
    const existing = this.byAdapter.get(adapter) ?? emptyStatistics();
    this.byAdapter.set(adapter, existing);
    return existing;
  }

  reset(): void {
    this.reading?.abort();
    this.currentWait?.abort();
    this.inFlight.stop();
    this.stopAhead();
    this.stopStreaming();
    this.repositoryParts.forget();
    this.anchors.forget();
    this.timing.forget();
    this.speed.forget();
    this.cache.clear();
  }
}
