/** A priority queue: a binary heap. */
export class PriorityQueue<T> {
  private readonly items: T[] = [];

  /** `isBefore` must be a total order. */
  constructor(
    private readonly isBefore: (a: T, b: T) => boolean,
    items: Iterable<T> = [],
  ) {
    for (const item of items) this.add(item);
  }

  get first(): T | undefined {
    return this.items[0];
  }

  add(item: T): void {
    const { items } = this;
    let at = items.push(item) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && this.isBefore(item, items[parent]!); parent = (at - 1) >> 1) {
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  /** Removes the first item. */
  removeFirst(): void {
    const last = this.items.pop();
    if (last !== undefined && this.items.length > 0) this.siftDown(last);
  }

  /** Restores the order after the first item has changed. */
  reorderFirst(): void {
    if (this.items.length > 0) this.siftDown(this.items[0]!);
  }

  private siftDown(item: T): void {
    const { items } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.isBefore(items[child + 1]!, items[child]!)) child += 1;
      if (!this.isBefore(items[child]!, item)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = item;
  }
}
