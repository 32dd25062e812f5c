/** Whether a completion that was accepted is still there later. Pure: it knows no editor. */
import { distance } from 'fastest-levenshtein';

/** Text replaced in a document; offsets and lengths in UTF-16 units. */
export interface Edit {
  offset: number;
  removed: number;
  inserted: number;
}

/** With a larger share of its characters changed, a text counts as thrown away (as Copilot counts). */
const MOST_CHANGED = 0.5;

/** A text and its place, which follows the edits before it and in it. */
export class AcceptedText {
  private end: number;

  constructor(
    private begin: number,
    private readonly text: string,
  ) {
    this.end = begin + text.length;
  }

  edited({ offset, removed, inserted }: Edit): void {
    const stop = offset + removed;
    if (offset >= this.end) return;
    const grown = inserted - removed;
    if (stop <= this.begin) this.begin += grown;
    else this.begin = Math.min(this.begin, offset);
    this.end = Math.max(this.end, stop) + grown;
  }

  /** White space does not count: formatters move it. */
  isKept(document: string): boolean {
    const [now, then] = [document.slice(this.begin, this.end), this.text].map(squeezed) as [string, string];
    if (now.includes(then)) return true;
    // Replaced by something much longer: what is left of it can't be told from the rest.
    return now.length <= 2 * then.length && distance(now, then) <= MOST_CHANGED * then.length;
  }
}

const squeezed = (text: string) => text.replace(/\s+/g, '');
