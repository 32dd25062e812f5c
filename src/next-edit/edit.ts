/** Merges changes of a document into the edits of a person: regions of lines, as they were and as they are now. */

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

/** From the first place to the last one, in the document's text now. */
export interface ObservedRange {
  path: string;
  from: number;
  to: number;
}

/** A part of the text at the beginning, and what is there now. */
interface Region {
  from: number;
  to: number;
  /** In the text now. */
  at: number;
  end: number;
  /** Where the newest change of it ended. */
  last: number;
  time: number;
  /** It took back what is no edit any more. */
  isUndone: boolean;
}

/** A new line that is still being written. */
interface Line {
  at: number;
  end: number;
}

/** No pattern comes of an edit of more lines. */
export const MAX_LINES = 12;
/** Edits older than this no longer say what the person is doing. */
const RECENT_MS = 15 * 60_000;
/** Most edits of a document that are followed. */
const MAX_EDITS = 24;
/** A longer change was made by a tool: another branch, a formatter. In characters, and in changes at once. */
const MAX_CHARACTERS = 20_000;
const MAX_CHANGES = 50;

/**
 * The edits of one document. It keeps the text from before them, and where they are: a change costs no more in a long
 * document. An edit that is undone is gone. Lines that are written new are no edit of anything: they become part of the
 * text from before, so that what is changed in them later is an edit of its own.
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

  /** Whether anything is followed. */
  get isEmpty(): boolean {
    return this.regions.length === 0;
  }

  /**
   * Takes in the changes of one event, each in the text before the event (as VS Code gives them). `text` gives the
   * text after it, and is called only if all is begun anew because the changes are too large.
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

  /** The place in the original text of one in the text now, which is in no region and at no edge of one. */
  private toOriginal(place: number): number {
    const before = this.regions.findLast((region) => region.end < place);
    return before ? before.to + place - before.end : place;
  }

  /**
   * The recent edits, oldest first. `text` is the document's text now; one that does not fit what was followed gives
   * none, and all begins anew.
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

  /** Drops what was undone; what is too old, too much, or new becomes part of the original text. */
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

  /** Whether no pattern can come of it: it is long, several lines that are new, or one on which nobody writes now. */
  private isWritten({ from, to, at, end }: Region, text: string, isNewest: boolean): boolean {
    const [before, after] = [this.base.slice(from, to), text.slice(at, end)];
    if ([before, after].some((text) => text.split('\n').length > MAX_LINES)) return true;
    if (before.trim()) return false;
    if (after.trim().includes('\n')) return true;
    const line = this.base.slice(startOfLine(this.base, from), endOfLine(this.base, to));
    return !isNewest && !line.trim();
  }

  /** Makes what a region has now part of the original text, but for a line. */
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

  /** Widened to whole lines; those on one line are one. */
  private toLineEdits(text: string): Edit[] {
    const { path, languageId } = this;
    const widened: Region[] = [];
    for (const region of this.regions) {
      const at = startOfLine(text, region.at);
      const end = endOfLine(text, region.end);
      const last = widened.at(-1);
      const from = region.from - (region.at - at);
      const to = region.to + end - region.end;
      if (last && at <= last.end) {
        Object.assign(last, { end, to, time: Math.max(last.time, region.time) });
      } else widened.push({ ...region, from, to, at, end });
    }
    return widened.map(({ from, to, at, end, time }) => ({
      path,
      languageId,
      at,
      time,
      before: this.base.slice(from, to),
      after: text.slice(at, end),
    }));
  }
}

const startOfLine = (text: string, place: number) =>
  place === 0 ? 0 : text.lastIndexOf('\n', place - 1) + 1;

/** Where the line of a place ends, without its line break. */
function endOfLine(text: string, place: number): number {
  const end = text.indexOf('\n', place);
  return end < 0 ? text.length : end;
}

/** The line of a region's newest change, as far as it is in it. */
function lineIn({ at, end, last }: Region, text: string): Line {
  return { at: Math.max(at, startOfLine(text, last)), end: Math.min(end, endOfLine(text, last)) };
}
