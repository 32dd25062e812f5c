/** A cache with a memory limit: evicts the least recently used entries, but never while in use. */

export interface Sized {
  /** Memory in bytes. */
  readonly bytes: number;
  dispose(): Promise<void>;
}

interface Entry<T> {
  opened: Promise<T>;
  /** Set once it is open. */
  value?: T;
  users: number;
  /** No longer found by its key; it is disposed after its last user. */
  retired: boolean;
}

export class LruMemory<T extends Sized> {
  /** Least recently used first. */
  private readonly entries = new Map<string, Entry<T>>();
  /** Retired entries that are still in use. */
  private readonly retired = new Set<Entry<T>>();
  private opening: Promise<unknown> = Promise.resolve();
  private waiting: (() => void)[] = [];
  evictions = 0;

  /** `limit`: bytes of all entries together. An entry larger than that is opened when no other is in memory. */
  constructor(private readonly limit = Infinity) {}

  /**
   * Calls `work` with the entry of `key`; `open` opens it if needed. `expected` is the memory it will take in bytes:
   * room is made first, which may have to wait for entries in use. Rejects with the signal's reason, and the errors of
   * `open` and `work`.
   */
  async use<R>(
    key: string,
    { open, expected }: { open: () => Promise<T>; expected: () => number },
    work: (value: T) => Promise<R>,
    signal?: AbortSignal,
  ): Promise<R> {
    const entry = this.entries.get(key) ?? this.add(key, open, expected);
    this.entries.delete(key);
    this.entries.set(key, entry);
    entry.users += 1;
    try {
      return await work(await abortable(entry.opened, signal));
    } finally {
      entry.users -= 1;
      if (entry.retired && entry.users === 0) await this.drop(entry);
      this.wake();
    }
  }

  /** Bytes of all entries in memory. */
  get bytes(): number {
    return [...this.entries.values(), ...this.retired].reduce(
      (sum, entry) => sum + (entry.value?.bytes ?? 0),
      0,
    );
  }

  get size(): number {
    return [...this.entries.values(), ...this.retired].filter((entry) => entry.value).length;
  }

  /** From now on, `key` gets a new entry; current users of the old one finish with it. */
  async retire(key: string): Promise<void> {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.entries.delete(key);
    await this.remove(entry);
  }

  async dispose(): Promise<void> {
    await this.opening;
    for (const key of [...this.entries.keys()]) await this.retire(key);
    for (const entry of [...this.retired]) await this.drop(entry);
  }

  private add(key: string, open: () => Promise<T>, expected: () => number): Entry<T> {
    const opened = this.opening.then(async () => {
      while (this.bytes + expected() > this.limit && (await this.makeRoom()));
      if (entry.users === 0) {
        // All its users left while it waited for room, and a newer entry may have taken its place.
        if (this.entries.get(key) === entry) this.entries.delete(key);
        throw new Error(`Nobody waits for ${key} any more.`);
      }
      entry.value = await open();
      return entry.value;
    });
    const entry: Entry<T> = { opened, users: 0, retired: false };
    this.entries.set(key, entry);
    // Entries are opened one after the other, so that each accounts for the others' memory. A failed one is retried
    // next time.
    this.opening = opened.then(
      () => (entry.retired && entry.users === 0 ? this.drop(entry) : undefined),
      () => {
        if (this.entries.get(key) === entry) this.entries.delete(key);
        this.retired.delete(entry);
      },
    );
    return entry;
  }

  /** Disposes one idle entry, or waits for one to become idle; returns false if there is none. */
  private async makeRoom(): Promise<boolean> {
    const idle = [...this.entries].find(([, entry]) => entry.value && entry.users === 0);
    if (idle) {
      this.entries.delete(idle[0]);
      this.evictions += 1;
      await this.drop(idle[1]);
    } else if (this.size > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else return false;
    return true;
  }

  private async remove(entry: Entry<T>): Promise<void> {
    if (entry.users === 0 && entry.value) return this.drop(entry);
    entry.retired = true;
    this.retired.add(entry);
  }

  private async drop(entry: Entry<T>): Promise<void> {
    const value = await entry.opened.catch(() => undefined);
    await value?.dispose();
    delete entry.value;
    this.retired.delete(entry);
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** Awaits `promise`, but rejects with the signal's reason as soon as it aborts. */
export async function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
