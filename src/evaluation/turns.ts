/** Engines that are too large to be in memory together, so they take turns. */

interface Opened {
  dispose(): void | Promise<void>;
  /** Resolves if it ends by itself: it is opened again at its next use. */
  readonly closed?: Promise<unknown>;
}

/** Opened when first used, and again after `close`. */
export class Engine<E extends Opened = Opened> {
  private opened: Promise<E> | undefined;

  constructor(private readonly open: () => Promise<E>) {}

  get inMemory(): Promise<E> | undefined {
    return this.opened;
  }

  /** Opens it after `room` is made, unless it is open. If that fails, the next call tries again. */
  get(room: Promise<void> | undefined): Promise<E> {
    if (!this.opened) {
      const opened = Promise.resolve(room).then(this.open);
      const forget = () => this.opened === opened && (this.opened = undefined);
      opened.then((engine) => engine.closed?.then(forget), forget);
      this.opened = opened;
    }
    return this.opened;
  }

  async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    await opened?.then((engine) => engine.dispose()).catch(() => undefined);
  }
}

export class Turns {
  private inMemory: Engine | undefined;
  private users = 0;
  private waiting: (() => void)[] = [];

  /**
   * Calls `work` with the engine. Those who use the engine in memory come first, any number at a time; when nobody uses
   * it, it makes room for another. `work` must not use another engine.
   */
  async use<E extends Opened, T>(engine: Engine<E>, work: (opened: E) => Promise<T>): Promise<T> {
    while (this.users > 0 && this.inMemory !== engine)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.users += 1;
    const room = this.inMemory === engine ? undefined : this.inMemory?.close();
    this.inMemory = engine;
    try {
      return await work(await engine.get(room));
    } finally {
      this.users -= 1;
      if (this.users === 0) for (const goOn of this.waiting.splice(0)) goOn();
    }
  }

  async dispose(): Promise<void> {
    await this.inMemory?.close();
    this.inMemory = undefined;
  }
}
