/**
 * The clock of a replay. While the model works, it runs in real time; otherwise it jumps to the next event, so that
 * typing takes no real time.
 */
export class VirtualClock {
  private passed = 0;
  /** Real time at which the model started to work; undefined while it is idle. */
  private since: number | undefined;
  private working = 0;
  private events: { at: number; happen: () => void }[] = [];
  private wake: () => void = () => undefined;

  constructor(private readonly real: () => number = () => performance.now()) {}

  /** Milliseconds. */
  now(): number {
    return this.passed + (this.since === undefined ? 0 : this.real() - this.since);
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((happen) => this.events.push({ at: this.now() + milliseconds, happen }));
  }

  /** Runs work of the model, which takes real time. */
  async work<T>(task: () => Promise<T>): Promise<T> {
    this.working += 1;
    this.since ??= this.real();
    try {
      return await task();
    } finally {
      this.working -= 1;
      if (this.working === 0) {
        this.passed = this.now();
        this.since = undefined;
      }
      this.wake();
    }
  }

  /** Advances to `time`, after all earlier events have happened. */
  async until(time: number): Promise<void> {
    for (;;) {
      await settled();
      const first = this.events.reduce<(typeof this.events)[number] | undefined>(
        (a, b) => (a && a.at <= b.at ? a : b),
        undefined,
      );
      const next = Math.min(time, first?.at ?? Infinity);
      if (this.now() >= next) {
        if (!first || first.at > next) return;
        this.events = this.events.filter((event) => event !== first);
        first.happen();
      } else if (this.working === 0) this.passed = next;
      else await this.change(next - this.now());
    }
  }

  /** Waits until the model is idle, without advancing the clock. */
  async rest(): Promise<void> {
    await settled();
    while (this.working > 0) {
      await this.change(1000);
      await settled();
    }
  }

  /** Resolves after this long in real time, or when the model has finished something. */
  private change(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Lets all pending microtasks and immediates run. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
