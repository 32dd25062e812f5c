/** The parts of a document that the user has written lately. */
import type { Change } from './edit.ts';

const RECENT_MS = 5 * 60_000;
const MAX_RANGES = 100;
/** A larger change was made by a tool, such as a branch switch. */
const MAX_CHARACTERS = 20_000;

interface Range {
  from: number;
  to: number;
  time: number;
}

export class WrittenRanges {
  private ranges: Range[] = [];

  /** Records the changes of one event, with offsets in the text before it. `time` in ms. */
  change(changes: readonly Change[], time: number): void {
    // From the end, so that the offsets of the others stay valid.
    for (const change of [...changes].sort((a, b) => b.offset - a.offset)) this.write(change, time);
    this.ranges = this.ranges.slice(-MAX_RANGES);
  }

  private write({ offset, removed, inserted }: Change, time: number): void {
    const end = offset + removed;
    const by = inserted - removed;
    const written = { from: offset, to: offset + inserted, time };
    const others = this.ranges.flatMap((range): Range[] => {
      if (range.to < offset) return [range];
      if (range.from > end) return [{ ...range, from: range.from + by, to: range.to + by }];
      written.from = Math.min(written.from, range.from);
      written.to = Math.max(written.to, range.to + by);
      return [];
    });
    const isNone = written.from === written.to;
    this.ranges = inserted > MAX_CHARACTERS ? [] : isNone ? others : [...others, written];
  }

  /** Whether any of a range was written in the last five minutes. */
  has(from: number, to: number, now: number): boolean {
    return this.ranges.some((range) => range.from < to && range.to > from && now - range.time <= RECENT_MS);
  }
}
