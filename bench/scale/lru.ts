/** The least recently used entry leaves first, but none that is in use (src/serving/engine/lru-memory.ts). */
export class Lru<K, V> {
  /** Least recently used first. */
  private readonly entries = new Map<K, V>();

  constructor(
    private readonly room: number,
    private readonly inUse: (value: V) => boolean = () => false,
  ) {}

  /** The entry, which is the most recently used one from now on. */
  get(key: K): V | undefined {
    const value = this.entries.get(key);
    if (value === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  /** Adds or replaces an entry. */
  set(key: K, value: V): void {
    this.entries.delete(key);
    while (this.entries.size >= this.room) {
      const [leaves] = [...this.entries].find(([, one]) => !this.inUse(one)) ?? [];
      if (leaves === undefined) break;
      this.entries.delete(leaves);
    }
    this.entries.set(key, value);
  }
}
