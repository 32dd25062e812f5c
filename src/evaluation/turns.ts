/**
 * Engines that may be too large to be in memory together, so they take turns. Where there is room they stay open: to
 * open one again takes seconds.
 */

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
  private readonly inMemory = new Set<Engine>();
  private atWork: Engine | undefined;
  private users = 0;
  private waiting: (() => void)[] = [];

  /** `hasRoom`: whether another engine can be opened beside those that are open. */
  constructor(private readonly hasRoom: () => Promise<boolean> = () => Promise.resolve(false)) {}

  /**
   * Calls `work` with the engine. Those who use the engine at work come first, any number at a time; when nobody uses
   * it, another has its turn. `work` must not use another engine.
   */
  async use<E extends Opened, T>(engine: Engine<E>, work: (opened: E) => Promise<T>): Promise<T> {
    while (this.users > 0 && this.atWork !== engine)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.users += 1;
    const room = this.inMemory.has(engine) ? undefined : this.makeRoom();
    this.atWork = engine;
    this.inMemory.add(engine);
    try {
      return await work(await engine.get(room));
    } finally {
      this.users -= 1;
      if (this.users === 0) for (const goOn of this.waiting.splice(0)) goOn();
    }
  }

  /** Closes an engine that nobody uses. */
  async close(engine: Engine): Promise<void> {
    this.inMemory.delete(engine);
    await engine.close();
  }

  /** Called before the engine that needs the room counts as open. */
  private async makeRoom(): Promise<void> {
    const others = [...this.inMemory];
    if (others.length === 0 || (await this.hasRoom())) return;
    await Promise.all(others.map((other) => this.close(other)));
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.inMemory].map((engine) => this.close(engine)));
  }
}
