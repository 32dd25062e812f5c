/** An answer of the model while it is being generated: its first line is shown before the rest has arrived. */
import { Certainty } from './answer/certainty.ts';
import type { CleanUp } from './answer/clean-up.ts';
import { throughFirstWritten } from './code/text.ts';
import type { CompletionPlace } from './types.ts';
import { maxLinesAt } from './prompt/max-lines.ts';
import { typedBetween } from './prompt/window.ts';

/** The model's answer for a document. */
export interface Answer {
  cleaned: CleanUp;
  /** Milliseconds. */
  took: number;
}

export class PendingAnswer {
  /** The text generated so far, with "\n" as line end. */
  text = '';
  /** Log-probabilities of that text. */
  readonly certainty = new Certainty();
  readonly stop = new AbortController();
  /** What can be shown first: the first line, or everything. Undefined if the request was stopped. */
  readonly first: Promise<Answer | undefined>;
  readonly whole: Promise<Answer | undefined>;
  /** Whether `whole` has more text than `first`; false if the request fails or is stopped. */
  readonly more: Promise<boolean>;
  /** Whether `whole` is settled. */
  settled = false;
  /** The request has been sent to the model, or is about to be. */
  sent = false;
  private readonly watchers: (() => void)[] = [];
  /** Resolves `first` with the first line. */
  showFirst!: (answer: Answer) => void;

  constructor(
    /** `invoked`: asked for by a key. */
    readonly document: CompletionPlace & { invoked?: boolean },
    run: (pending: PendingAnswer) => Promise<Answer | undefined>,
  ) {
    const line = new Promise<Answer>((resolve) => (this.showFirst = resolve));
    this.whole = run(this).finally(() => (this.settled = true));
    this.first = Promise.race([line, this.whole]);
    // An error goes to whoever awaits; otherwise it must not become an unhandled rejection.
    for (const promise of [this.first, this.whole]) promise.catch(() => undefined);
    this.more = Promise.all([this.first, this.whole]).then(
      ([first, whole]) => textOf(whole) !== undefined && textOf(whole) !== textOf(first),
      () => false,
    );
  }

  append(piece: string, logprob: number | undefined): void {
    this.certainty.add(this.text.length, logprob);
    this.text += piece;
    for (const check of this.watchers) check();
  }

  /** Whether the text typed between this request's place and `here` was generated. */
  matches(here: CompletionPlace): boolean {
    const typed = this.typedSince(here);
    return typed !== undefined && this.text.startsWith(typed);
  }

  /**
   * Like `matches`, but also true if the request was sent and the text generated so far does not contradict what was
   * typed.
   */
  mayMatch(here: CompletionPlace): boolean {
    const typed = this.typedSince(here);
    if (!this.sent || typed === undefined || !this.agreesWith(typed)) return false;
    // An answer of one line ends before a line break.
    return !typed.includes('\n') || maxLinesAt(this.document) > 1;
  }

  /** Resolves when the generated text differs from what was typed up to `here`. */
  whenDiverged(here: CompletionPlace): Promise<undefined> {
    const typed = this.typedSince(here) ?? '';
    return new Promise((resolve) => {
      const check = () => {
        if (!this.agreesWith(typed)) resolve(undefined);
      };
      this.watchers.push(check);
      check();
    });
  }

  private agreesWith(typed: string): boolean {
    return this.text.startsWith(typed) || typed.startsWith(this.text);
  }

  /**
   * Log-probability (nats) of the first non-blank line of `text`, which is shown at `here`, given what was typed up to
   * there.
   */
  remainingLogprob(here: CompletionPlace, text: string): number | undefined {
    const typed = this.typedSince(here)?.length ?? 0;
    const line = throughFirstWritten(text.replaceAll('\r', ''));
    const whole = this.certainty.upTo(typed + line.length);
    return whole === undefined ? undefined : whole - (this.certainty.upTo(typed) ?? 0);
  }

  /** Like `typedBetween`, for the same adapter. */
  private typedSince(here: CompletionPlace): string | undefined {
    return here.adapter === this.document.adapter ? typedBetween(this.document, here) : undefined;
  }
}

const textOf = (answer: Answer | undefined): string | undefined =>
  answer && 'text' in answer.cleaned ? answer.cleaned.text : undefined;

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
