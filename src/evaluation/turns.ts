/**
 * Resources that may be too large to be in memory together, so they take turns. Where there is room they stay open,
 * because reopening takes seconds.
 */

interface Opened {
  dispose(): void | Promise<void>;
  /** Resolves if it ends by itself; it is then reopened at its next use. */
  readonly closed?: Promise<unknown>;
}

/** Opened when first used, and again after `close`. */
export class Resource<E extends Opened = Opened> {
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
      opened.then((resource) => resource.closed?.then(forget), forget);
      this.opened = opened;
    }
    return this.opened;
  }

  async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    await opened?.then((resource) => resource.dispose()).catch(() => undefined);
  }
}

export class MemoryTurns {
  private readonly inMemory = new Set<Resource>();
  private active: Resource | undefined;
  private users = 0;
  private waiting: (() => void)[] = [];

  /** `hasRoom`: whether another resource fits into memory with those already open. */
  constructor(private readonly hasRoom: () => Promise<boolean> = () => Promise.resolve(false)) {}

  /**
   * Calls `work` with the resource. Callers that need the currently active resource go first, any number at a time;
   * when it becomes idle, the next resource gets its turn. `work` must not use another resource.
   */
  async use<E extends Opened, T>(resource: Resource<E>, work: (opened: E) => Promise<T>): Promise<T> {
    while (this.users > 0 && this.active !== resource)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.users += 1;
    // It may have ended by itself.
    if (!resource.inMemory) this.inMemory.delete(resource);
    const room = resource.inMemory ? undefined : this.makeRoom();
    this.active = resource;
    this.inMemory.add(resource);
    try {
      return await work(await resource.get(room));
    } finally {
      this.users -= 1;
      if (this.users === 0) for (const resume of this.waiting.splice(0)) resume();
    }
  }

  /** Closes a resource that nobody uses. */
  async close(resource: Resource): Promise<void> {
    this.inMemory.delete(resource);
    await resource.close();
  }

  /** Called before the resource that needs the room counts as open. */
  private async makeRoom(): Promise<void> {
    const others = [...this.inMemory];
    if (others.length === 0 || (await this.hasRoom())) return;
    await Promise.all(others.map((other) => this.close(other)));
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.inMemory].map((resource) => this.close(resource)));
  }
}
