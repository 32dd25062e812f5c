/** Whether an accepted completion is still there later. Pure: independent of the editor. */
import { distance } from 'fastest-levenshtein';
import type { Change } from '../../next-edit/index.ts';

/** A text counts as dropped if a larger share of its characters has changed (same as Copilot). */
const MAX_CHANGED_SHARE = 0.5;

/** A text and its place, which moves with edits before it and grows with edits in it. */
export class AcceptedText {
  private end: number;

  constructor(
    private begin: number,
    private readonly text: string,
  ) {
    this.end = begin + text.length;
  }

  edited({ offset, removed, inserted }: Change): void {
    const editEnd = offset + removed;
    if (offset >= this.end) return;
    const delta = inserted - removed;
    if (editEnd <= this.begin) this.begin += delta;
    else this.begin = Math.min(this.begin, offset);
    this.end = Math.max(this.end, editEnd) + delta;
  }

  /** Number of its characters that are still there, without white space; undefined if it counts as dropped. */
  keptCharacters(document: string): number | undefined {
    // White space does not count: formatters move it.
    const [now, then] = [document.slice(this.begin, this.end), this.text].map(withoutWhitespace) as [
      string,
      string,
    ];
    if (now.includes(then)) return then.length;
    // In a much longer replacement, the rest of the text can't be recognised.
    if (now.length > 2 * then.length) return undefined;
    const changed = distance(now, then);
    return changed <= MAX_CHANGED_SHARE * then.length ? then.length - changed : undefined;
  }
}

const withoutWhitespace = (text: string) => text.replace(/\s+/g, '');
