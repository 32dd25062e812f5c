/** One answer of the model while it is generated: its first line is shown while the rest is still to come. */
import { Certainty } from './answer/chance.ts';
import type { CleanUp } from './answer/clean-up.ts';
import { firstWritten } from './code/text.ts';
import type { AskedPlace, CursorDocument } from './types.ts';
import { typedBetween } from './prompt/window.ts';

/** The model's answer for a document. */
export interface Answer {
  cleaned: CleanUp;
  /** Milliseconds. */
  took: number;
}

export class Flight {
  /** What was generated so far, with "\n" as line end. */
  text = '';
  /** How likely that is. */
  readonly certainty = new Certainty();
  /** What can be shown first: the first line, or everything. Undefined if the flight was stopped. */
  readonly first: Promise<Answer | undefined>;
  readonly whole: Promise<Answer | undefined>;
  /** Whether `whole` is settled. */
  landed = false;
  /** The request has reached the model, or soon will. */
  asked = false;
  private readonly watchers: (() => void)[] = [];
  /** Hands out the first line. */
  show!: (answer: Answer) => void;

  constructor(
    readonly document: CursorDocument,
    readonly adapter: string,
    readonly stop: AbortController,
    run: (flight: Flight) => Promise<Answer | undefined>,
  ) {
    const line = new Promise<Answer>((resolve) => (this.show = resolve));
    this.whole = run(this).finally(() => (this.landed = true));
    this.first = Promise.race([line, this.whole]);
    // An error is told to those who wait; later, to nobody.
    for (const promise of [this.first, this.whole]) promise.catch(() => undefined);
  }

  take(piece: string, logprob: number | undefined): void {
    this.certainty.add(this.text.length, logprob);
    this.text += piece;
    for (const look of this.watchers) look();
  }

  /** Whether the text typed between this flight's place and `here` is what was generated. */
  leadsThrough(here: AskedPlace): boolean {
    const typed = this.typedUntil(here);
    return typed !== undefined && this.text.startsWith(typed);
  }

  /** As leadsThrough, or it may still become that: the model is asked, and has not written as much yet. */
  mayLead(here: AskedPlace): boolean {
    const typed = this.typedUntil(here);
    return this.asked && typed !== undefined && this.agreesWith(typed);
  }

  /** Resolves when something else is generated than was typed until `here`. */
  leaves(here: AskedPlace): Promise<undefined> {
    const typed = this.typedUntil(here) ?? '';
    return new Promise((resolve) => {
      const look = () => {
        if (!this.agreesWith(typed)) resolve(undefined);
      };
      this.watchers.push(look);
      look();
    });
  }

  private agreesWith(typed: string): boolean {
    return this.text.startsWith(typed) || typed.startsWith(this.text);
  }

  /** Log-probability (nats) of the first written line of `text`, which is shown at `here`, given what was typed until there. */
  logprobOfRest(here: AskedPlace, text: string): number | undefined {
    const typed = this.typedUntil(here)?.length ?? 0;
    const line = firstWritten(text.replaceAll('\r', ''));
    const whole = this.certainty.upTo(typed + line.length);
    return whole === undefined ? undefined : whole - (this.certainty.upTo(typed) ?? 0);
  }

  /** As `typedBetween`, for the same adapter. */
  private typedUntil(here: AskedPlace): string | undefined {
    return here.adapter === this.adapter ? typedBetween(this.document, here) : undefined;
  }
}

/** Resolves when the signal aborts, so that nothing waits for a pause that no longer matters. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
