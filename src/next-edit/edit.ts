/** Merges changes of a document into edits: regions of lines, before and now. */
import { endOfLine, startOfLine } from './lines.ts';

/** One change of a text, in UTF-16 units of the text just before it. */
export interface Change {
  offset: number;
  removed: number;
  inserted: number;
}

/** Whole lines that were changed. */
export interface Edit {
  path: string;
  languageId: string;
  /** Where `after` begins in the document's text now, in UTF-16 units. */
  at: number;
  before: string;
  after: string;
  /** When it was last changed, in ms. */
  time: number;
}

/** A part of a text, and what it becomes. In UTF-16 units. */
export interface Replacement {
  start: number;
  end: number;
  text: string;
}

/** A part of a document's current text. */
export interface TextRange {
  path: string;
  from: number;
  to: number;
}

/** A part of the original text, and where it is now. */
interface Region {
  from: number;
  to: number;
  /** In the text now. */
  at: number;
  end: number;
  /** Where the newest change of it ended. */
  last: number;
  time: number;
  /** An undo reverted it completely. */
  isUndone: boolean;
}

/** A new line that is still being written. */
interface Line {
  at: number;
  end: number;
}

/** Edits of more lines yield no pattern. */
export const MAX_LINES = 12;
/** Older edits say nothing about what the user is doing now. */
const RECENT_MS = 15 * 60_000;
/** Maximum number of edits tracked per document. */
const MAX_EDITS = 24;
/**
 * A larger change was made by a tool, such as a branch switch or a formatter. In characters, and in simultaneous
 * changes.
 */
const MAX_CHARACTERS = 20_000;
const MAX_CHANGES = 50;

/**
 * The edits of one document. Stores only the original text of edited regions, so that a change costs no more in a long
 * document. An undone edit disappears. New lines are not edits: they become part of the original text, so that later
 * changes in them are edits of their own.
 */
export class DocumentEdits {
  private regions: Region[] = [];
  private length: number;

  /** @param base the document's text now */
  constructor(
    readonly path: string,
    readonly languageId: string,
    private base: string,
  ) {
    this.length = base.length;
  }

  /** Whether no edits are tracked. */
  get isEmpty(): boolean {
    return this.regions.length === 0;
  }

  /**
   * Records the changes of one event, with offsets in the text before the event (as VS Code reports them). `text`
   * returns the text after it; it is called only if tracking starts over because the changes are too large.
   */
  change(changes: readonly Change[], time: number, text: () => string, isUndo = false): void {
    const size = changes.reduce((sum, { removed, inserted }) => sum + removed + inserted, 0);
    if (changes.length > MAX_CHANGES || size > MAX_CHARACTERS) {
      this.base = text();
      this.length = this.base.length;
      this.regions = [];
      return;
    }
    // From the end, so that offsets before it stay as they are.
    for (const change of [...changes].sort((a, b) => b.offset - a.offset))
      this.applyChange(change, time, isUndo);
  }

  private applyChange({ offset, removed, inserted }: Change, time: number, isUndo: boolean): void {
    const end = offset + removed;
    const touched = this.regions.filter((region) => region.at <= end && region.end >= offset);
    const [first, last] = [touched[0], touched.at(-1)];
    const at = Math.min(offset, first?.at ?? offset);
    const until = Math.max(end, last?.end ?? end);
    const grown = inserted - removed;
    const merged: Region = {
      from: first?.at === at ? first.from : this.toOriginal(at),
      to: last?.end === until ? last.to : this.toOriginal(until),
      at,
      end: until + grown,
      last: offset + inserted,
      time,
      isUndone: isUndo && touched.every((region) => region.isUndone),
    };
    const rest = this.regions.filter((region) => !touched.includes(region));
    for (const region of rest)
      if (region.at > end) {
        region.at += grown;
        region.end += grown;
        region.last += grown;
      }
    this.length += grown;
    this.regions = [...rest, merged].sort((a, b) => a.at - b.at);
  }

  /** Maps an offset in the current text to the original text; the offset must not be in or at the edge of a region. */
  private toOriginal(place: number): number {
    const before = this.regions.findLast((region) => region.end < place);
    return before ? before.to + place - before.end : place;
  }

  /**
   * The recent edits, oldest first. `text` is the document's current text; if it doesn't match what was tracked, there
   * are none, and tracking starts over.
   */
  edits(text: string, now: number): Edit[] {
    if (text.length !== this.length) {
      this.base = text;
      this.length = text.length;
      this.regions = [];
      return [];
    }
    this.prune(text, now);
    const lines = this.toLineEdits(text);
    return lines.filter(({ before, after }) => before !== after).sort((a, b) => a.time - b.time);
  }

  /** Drops undone edits. Edits that are too old, surplus, or new text become part of the original text. */
  private prune(text: string, now: number): void {
    this.regions = this.regions.filter(
      ({ from, to, at, end }) => this.base.slice(from, to) !== text.slice(at, end),
    );
    const newest = [...this.regions].sort((a, b) => b.time - a.time).slice(0, MAX_EDITS);
    const kept = newest.filter(({ time, isUndone }) => now - time <= RECENT_MS && !isUndone);
    for (const region of this.regions.filter((other) => !kept.includes(other)).reverse())
      this.fold(region, text, undefined);
    this.regions = this.regions.filter((other) => kept.includes(other));
    for (const region of [...this.regions].reverse()) {
      const isNewest = region.time === newest[0]!.time;
      if (!this.isWritten(region, text, isNewest)) continue;
      const line = isNewest ? lineIn(region, text) : undefined;
      this.fold(region, text, line);
      if (!line) this.regions = this.regions.filter((other) => other !== region);
    }
  }

  /** Whether it can't yield a pattern: it is too long, consists of several new lines, or is a finished new line. */
  private isWritten({ from, to, at, end }: Region, text: string, isNewest: boolean): boolean {
    const [before, after] = [this.base.slice(from, to), text.slice(at, end)];
    if ([before, after].some((text) => text.split('\n').length > MAX_LINES)) return true;
    if (before.trim()) return false;
    if (after.trim().includes('\n')) return true;
    const line = this.base.slice(startOfLine(this.base, from), endOfLine(this.base, to));
    return !isNewest && !line.trim();
  }

  /** Makes the current content of a region part of the original text, except for one line. */
  private fold(region: Region, text: string, line: Line | undefined): void {
    const { from, to, at, end } = region;
    const [above, below] = line
      ? [text.slice(at, line.at), text.slice(line.end, end)]
      : [text.slice(at, end), ''];
    this.base = this.base.slice(0, from) + above + below + this.base.slice(to);
    const grown = above.length + below.length - (to - from);
    for (const other of this.regions)
      if (other.from >= to && other !== region) {
        other.from += grown;
        other.to += grown;
      }
    if (line) Object.assign(region, { ...line, from: from + above.length, to: from + above.length });
  }

  /** Extends regions to whole lines, and merges those on the same line. */
  private toLineEdits(text: string): Edit[] {
    const { path, languageId } = this;
    const lines: { at: number; end: number; regions: Region[] }[] = [];
    for (const region of this.regions) {
      const end = endOfLine(text, region.end);
      const last = lines.at(-1);
      if (last && startOfLine(text, region.at) <= last.end) {
        last.end = end;
        last.regions.push(region);
      } else lines.push({ at: startOfLine(text, region.at), end, regions: [region] });
    }
    return lines.map(({ at, end, regions }) => {
      const time = Math.max(...regions.map((region) => region.time));
      const before = this.before(text, { at, end, regions: this.newestOf(regions, time) });
      return { path, languageId, at, time, before, after: text.slice(at, end) };
    });
  }

  /** What was changed in these regions before anything else was: the line was finished then, and is edited again. */
  private newestOf(regions: readonly Region[], newest: number): Region[] {
    const elsewhere = this.regions.filter((other) => other.time < newest && !regions.includes(other));
    const since = Math.max(-Infinity, ...elsewhere.map(({ time }) => time));
    return regions.filter(({ time }) => time > since);
  }

  /** The text from `at` to `end` with these regions as they were. */
  private before(text: string, { at, end, regions }: { at: number; end: number; regions: Region[] }): string {
    let [before, done] = ['', at];
    for (const region of regions) {
      before += text.slice(done, region.at) + this.base.slice(region.from, region.to);
      done = region.end;
    }
    return before + text.slice(done, end);
  }
}

/** The part of a region that is in the line of its newest change. */
function lineIn({ at, end, last }: Region, text: string): Line {
  return { at: Math.max(at, startOfLine(text, last)), end: Math.min(end, endOfLine(text, last)) };
}
