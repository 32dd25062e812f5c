/** One answer of the engine while it is generated: its first line is shown while the rest is still to come. */
import { Certainty } from './chance.ts';
import type { CleanUp } from './clean-up.ts';
import type { CursorDocument } from './types.ts';
import { lengthsOf } from './window.ts';

/** The engine's answer for a document. */
export interface Answer {
  cleaned: CleanUp;
  /** Milliseconds. */
  took: number;
}

/** Characters before the cursor that decide whether a place follows another. */
const NEAR = 256;

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
  }

  /** Whether the text typed between this flight's place and `here` is what was generated. */
  leadsThrough(here: CursorDocument & { adapter: string }): boolean {
    const { document, adapter } = this;
    if (here.path !== document.path || here.adapter !== adapter) return false;
    const [from, to] = [lengthsOf(document), lengthsOf(here)];
    const typed = to.before - from.before;
    if (to.after !== from.after || typed < 0 || typed > here.before.length) return false;
    const at = here.before.length - typed;
    return (
      here.before.slice(Math.max(0, at - NEAR), at) === document.before.slice(-NEAR) &&
      this.text.startsWith(here.before.slice(at).replaceAll('\r\n', '\n'))
    );
  }
}

export interface Landed {
  flight: Flight;
  answer: Answer;
}

/** A flight's first answer. Stops the flight, and resolves to undefined, if the signal aborts. */
export async function land(flight: Flight, signal: AbortSignal): Promise<Landed | undefined> {
  const answer = await Promise.race([flight.first, aborted(signal)]);
  if (!signal.aborted) return answer && { flight, answer };
  flight.stop.abort();
  return undefined;
}

/** Resolves when the signal aborts, so that nothing waits for a pause that no longer matters. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
