/** What is opened on its first use, by name. If that fails, the next use tries again. */
export class OnFirstUse<T> {
  private readonly opened = new Map<string, Promise<T>>();

  constructor(private readonly close: (value: T) => Promise<void>) {}

  get size(): number {
    return this.opened.size;
  }

  has(name: string): boolean {
    return this.opened.has(name);
  }

  get(name: string, open: () => Promise<T>): Promise<T> {
    const known = this.opened.get(name);
    if (known) return known;
    const opening = open();
    this.opened.set(name, opening);
    opening.catch(() => this.opened.delete(name));
    return opening;
  }

  async drop(name: string): Promise<void> {
    const value = this.opened.get(name);
    this.opened.delete(name);
    await value?.then(this.close).catch(() => undefined);
  }

  async dropAll(): Promise<void> {
    for (const name of [...this.opened.keys()]) await this.drop(name);
  }
}
