/**
 * The request that is in flight. A keystroke does not abort it as long as the typed text agrees with the generated
 * text: where an answer takes longer than the time between two keystrokes, nothing would ever be shown otherwise.
 */
import { aborted, type Answer, type PendingAnswer } from './pending-answer.ts';
import type { CompletionPlace } from './types.ts';

/** The editor cancels its request at each keystroke, and makes a new one within this time, in ms. */
const ASKS_AGAIN_MS = 300;

export class InFlight {
  private pending: PendingAnswer | undefined;
  private waiting = 0;
  private abandoned = 0;

  constructor(private readonly sleep: (milliseconds: number) => Promise<void>) {}

  get busy(): boolean {
    return this.pending !== undefined;
  }

  /** The request in flight, if its answer may fit `here`; otherwise it is stopped. */
  matching(here: CompletionPlace): PendingAnswer | undefined {
    if (this.pending && !this.pending.mayMatch(here)) this.stop();
    return this.pending;
  }

  start(pending: PendingAnswer): PendingAnswer {
    this.stop();
    this.pending = pending;
    const finished = () => this.pending === pending && (this.pending = undefined);
    void pending.whole.catch(() => undefined).finally(finished);
    return pending;
  }

  /**
   * Waits for the first line, or else the whole answer, and returns what `use` makes of it. Undefined if `use` accepts
   * neither, if the answer diverges from what was typed up to `here`, or if the signal aborts. Throws the request's
   * errors.
   */
  async join<T>(
    pending: PendingAnswer,
    here: CompletionPlace,
    signal: AbortSignal,
    use: (answer: Answer) => T | undefined,
  ): Promise<T | undefined> {
    this.waiting += 1;
    const finished = Promise.race([pending.whenDiverged(here), aborted(signal)]);
    try {
      for (const part of [pending.first, pending.whole]) {
        const answer = await Promise.race([part, finished]);
        if (!answer || signal.aborted) return undefined;
        const result = use(answer);
        if (result !== undefined) return result;
      }
      return undefined;
    } finally {
      this.waiting -= 1;
      // If a call got something of it, that is shown and the rest is still wanted: an earlier key gave nothing up.
      this.abandoned += 1;
      if (signal.aborted) this.abandon(pending);
    }
  }

  /** Nobody is waiting for it now; after the next keystroke, somebody may again. */
  private abandon(pending: PendingAnswer): void {
    if (!pending.sent) return pending.stop.abort();
    const { abandoned } = this;
    void this.sleep(ASKS_AGAIN_MS).then(() => {
      if (this.abandoned === abandoned && this.waiting === 0 && this.pending === pending) this.stop();
    });
  }

  stop(): void {
    this.pending?.stop.abort();
    this.pending = undefined;
  }
}
