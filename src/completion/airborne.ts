/**
 * The request that the model works on. A key does not end it while what is typed may be what it writes: where an answer
 * takes longer than the time between two keys, nothing would ever be shown.
 */
import { aborted, type Answer, type Flight } from './flight.ts';
import type { AskedPlace } from './types.ts';

/** An editor ends its question with each key, and asks again within this time, in ms. */
const ASKS_AGAIN_MS = 300;

export class Airborne {
  private flight: Flight | undefined;
  private waiting = 0;
  private left = 0;

  constructor(private readonly sleep: (milliseconds: number) => Promise<void>) {}

  get busy(): boolean {
    return this.flight !== undefined;
  }

  /** The flight, if it may bring what belongs here; another one is stopped. */
  leadingTo(here: AskedPlace): Flight | undefined {
    if (this.flight && !this.flight.mayLead(here)) this.stop();
    return this.flight;
  }

  takeOff(flight: Flight): Flight {
    this.stop();
    this.flight = flight;
    const over = () => this.flight === flight && (this.flight = undefined);
    void flight.whole.catch(() => undefined).finally(over);
    return flight;
  }

  /**
   * What the flight brings of which `use` can make something, its first line or else all of it. Undefined if it brings
   * nothing, writes something else than was typed until `here`, or the signal aborts. Throws the flight's errors.
   */
  async land<T>(
    flight: Flight,
    here: AskedPlace,
    signal: AbortSignal,
    use: (answer: Answer) => T | undefined,
  ): Promise<T | undefined> {
    this.waiting += 1;
    const over = Promise.race([flight.leaves(here), aborted(signal)]);
    try {
      for (const part of [flight.first, flight.whole]) {
        const answer = await Promise.race([part, over]);
        if (!answer || signal.aborted) return undefined;
        const used = use(answer);
        if (used !== undefined) return used;
      }
      return undefined;
    } finally {
      this.waiting -= 1;
      if (signal.aborted) this.leave(flight);
    }
  }

  /** Nobody waits for it now; with the next key, somebody may again. */
  private leave(flight: Flight): void {
    if (!flight.asked) return flight.stop.abort();
    const left = (this.left += 1);
    void this.sleep(ASKS_AGAIN_MS).then(() => {
      if (this.left === left && this.waiting === 0 && this.flight === flight) this.stop();
    });
  }

  stop(): void {
    this.flight?.stop.abort();
    this.flight = undefined;
  }
}
