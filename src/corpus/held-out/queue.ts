/** Items of which the first in an order is taken again and again: a binary heap. */
export class Queue<T> {
  private readonly items: T[] = [];

  /** `isBefore` must order any two different items. */
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
    for (let above = (at - 1) >> 1; at > 0 && this.isBefore(item, items[above]!); above = (at - 1) >> 1) {
      items[at] = items[above]!;
      at = above;
    }
    items[at] = item;
  }

  /** Takes the first away. */
  drop(): void {
    const last = this.items.pop();
    if (last !== undefined && this.items.length > 0) this.sink(last);
  }

  /** Finds the place of the first anew, after it has changed. */
  settle(): void {
    if (this.items.length > 0) this.sink(this.items[0]!);
  }

  private sink(item: T): void {
    const { items } = this;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && this.isBefore(items[below + 1]!, items[below]!)) below += 1;
      if (!this.isBefore(items[below]!, item)) break;
      items[at] = items[below]!;
      at = below;
    }
    items[at] = item;
  }
}
