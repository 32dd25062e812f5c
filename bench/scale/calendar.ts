/** The events of a simulation, in order of time. */

interface Event {
  time: number;
  /** Events of the same time happen in the order in which they were entered. */
  number: number;
  happen(): void;
}

const isBefore = (a: Event, b: Event) => a.time < b.time || (a.time === b.time && a.number < b.number);

export class Calendar {
  /** Seconds. */
  now = 0;
  /** A binary heap: no event is before that at half its place. */
  private readonly heap: Event[] = [];
  private entered = 0;

  /** Enters an event at `time`, in seconds, which is not before now. */
  at(time: number, happen: () => void): void {
    const event = { time, number: this.entered++, happen };
    let place = this.heap.length;
    this.heap.push(event);
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!isBefore(event, this.heap[above]!)) break;
      this.heap[place] = this.heap[above]!;
      place = above;
    }
    this.heap[place] = event;
  }

  /** Lets events happen until none is left, or the next one is after `until`. */
  run(until = Infinity): void {
    while (this.heap.length > 0 && this.heap[0]!.time <= until) {
      const event = this.takeFirst();
      this.now = event.time;
      event.happen();
    }
  }

  private takeFirst(): Event {
    const { heap } = this;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (!isBefore(heap[below]!, last)) break;
      heap[place] = heap[below]!;
      place = below;
    }
    heap[place] = last;
    return first;
  }
}
