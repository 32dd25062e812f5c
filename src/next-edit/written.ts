/** The parts of a document that the user has written lately. */
import type { Change } from './edit.ts';

const RECENT_MS = 5 * 60_000;
const MAX_RANGES = 100;
/** What is written next to a range within this time joins it: ranges get old even while writing never stops. */
const JOINS_MS = 30_000;
/** A change away from the cursor that writes or removes more was made by a tool: a formatter, a branch switch. */
const MAX_CHARACTERS = 200;

interface Range {
  from: number;
  to: number;
  time: number;
}

export class WrittenRanges {
  private ranges: Range[] = [];

  /**
   * Records the changes of one event, with offsets in the text before it.
   * @param time in ms
   * @param selected what was selected before it, if it happened in the active editor
   */
  change(changes: readonly Change[], time: number, selected?: Pick<Range, 'from' | 'to'>): void {
    // From the end, so that the offsets of the others stay valid.
    for (const change of [...changes].sort((a, b) => b.offset - a.offset))
      this.write(change, time, isByUser(change, selected));
    this.ranges = this.ranges.slice(-MAX_RANGES);
  }

  private write({ offset, removed, inserted }: Change, time: number, byUser: boolean): void {
    const end = offset + removed;
    const by = inserted - removed;
    const written = { from: offset, to: offset + inserted, time };
    const others = this.ranges.flatMap((range): Range[] => {
      if (byUser && range.to >= offset && range.from <= end && time - range.time < JOINS_MS) {
        written.from = Math.min(written.from, range.from);
        written.to = Math.max(written.to, range.to + by);
        written.time = Math.min(written.time, range.time);
        return [];
      }
      const above = { ...range, to: Math.min(range.to, offset) };
      const below = { ...range, from: Math.max(range.from, end) + by, to: range.to + by };
      return [above, below].filter(({ from, to }) => from < to);
    });
    this.ranges = byUser && written.from < written.to ? [...others, written] : others;
  }

  /** Whether any of a range was written in the last five minutes. */
  has(from: number, to: number, now: number): boolean {
    return this.ranges.some((range) => range.from < to && range.to > from && now - range.time <= RECENT_MS);
  }
}

/** Whether a change is small, or replaces little more than what was selected. */
function isByUser({ offset, removed, inserted }: Change, selected?: Pick<Range, 'from' | 'to'>): boolean {
  const isAtCursor = selected && offset <= selected.to && offset + removed >= selected.from;
  if (!isAtCursor) return removed <= MAX_CHARACTERS && inserted <= MAX_CHARACTERS;
  return removed <= selected.to - selected.from + MAX_CHARACTERS;
}
