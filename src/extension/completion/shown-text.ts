/**
 * Tracks whether a shown completion is typed by hand or accepted, as a whole or in pieces. The editor only reports
 * acceptance as a whole; an accepted word or line has to be inferred from the document change. Pure: independent of the
 * editor.
 */

/** A replacement in a document; offsets in UTF-16 units of the document before the change. */
export interface Change {
  offset: number;
  removed: number;
  inserted: string;
}

export type Effect =
  /** Typed by hand or by the suggestion list; it is still shown. */
  | 'typed'
  /** A word, a line or all of it was accepted. */
  | 'accepted'
  /** It is no longer shown. */
  | 'gone';

export class ShownText {
  /** Number of its characters that are in the document. */
  private written: number;
  /** Index of the first accepted character; undefined if none was. */
  private from: number | undefined;
  private lastStep = 0;
  private lastAccepted = false;
  /** Number of accepted characters, without typed ones. */
  characters = 0;

  /**
   * @param offset where the text begins in the document
   * @param selected the part of it that the suggestion list would insert by itself
   * @param written number of its characters that are in the document already
   */
  constructor(
    readonly offset: number,
    public text: string,
    readonly selected = '',
    written = 0,
  ) {
    this.written = written;
  }

  /** The cursor's offset while it is shown. */
  get cursor(): number {
    return this.offset + this.written;
  }

  /** Whether all of it is in the document. */
  get complete(): boolean {
    return this.written === this.text.length;
  }

  /** The text from the first accepted character to the cursor; undefined if none was accepted. */
  get acceptedText(): { offset: number; text: string } | undefined {
    if (this.from === undefined) return undefined;
    return { offset: this.offset + this.from, text: this.text.slice(this.from, this.written) };
  }

  /** Whether it is still shown when the suggestion list selects `selected`; '' once the list has inserted its part. */
  fits(selected: string): boolean {
    return selected === this.selected || (selected === '' && this.written >= this.selected.length);
  }

  /** Whether another completion is the rest of this one. */
  isContinuedBy(offset: number, text: string): boolean {
    return (
      offset + text.length === this.offset + this.text.length &&
      offset >= this.offset &&
      offset <= this.cursor &&
      this.text.endsWith(text)
    );
  }

  /**
   * Extends this completion by another one that starts with the rest of it. Returns the number of added characters;
   * undefined if the texts don't match.
   */
  extendWith(offset: number, text: string): number | undefined {
    const into = offset - this.offset;
    const rest = this.text.slice(Math.max(0, into));
    if (into < 0 || offset > this.cursor || rest === '' || !text.startsWith(rest)) return undefined;
    const added = into + text.length - this.text.length;
    this.text = this.text.slice(0, into) + text;
    return added;
  }

  /** Handles one change event of the document. `undone`: it was caused by undo or redo. */
  changed(changes: readonly Change[], undone = false): Effect {
    const [change] = changes;
    const written = changes.length === 1 && !undone ? this.writtenAfter(change!) : undefined;
    if (written === undefined) return 'gone';
    const before = this.written;
    const added = this.text.slice(before, written);
    this.lastStep = added.length;
    this.written = written;
    this.lastAccepted = looksAccepted(added) && !(this.selected !== '' && written === this.selected.length);
    if (this.lastAccepted) this.accept(before);
    return this.lastAccepted ? 'accepted' : 'typed';
  }

  /** The editor reports, after the change, that all of it was accepted. */
  acceptedEntirely(): void {
    if (!this.lastAccepted) this.accept(this.written - this.lastStep);
    this.lastAccepted = true;
  }

  private accept(from: number): void {
    this.from ??= from;
    // The part that the suggestion list would have inserted does not count.
    this.characters += this.written - Math.min(this.written, Math.max(from, this.selected.length));
  }

  /**
   * Number of its characters in the document after a change that continues the text; undefined if the change does not.
   */
  private writtenAfter({ offset, removed, inserted }: Change): number | undefined {
    // Accepting a piece may rewrite the characters that were already there.
    const into = offset - this.offset;
    if (into < 0 || into > this.written || offset + removed !== this.cursor) return undefined;
    const written = into + inserted.length;
    const matches = this.text.startsWith(inserted, into) && written > this.written;
    return matches && written <= this.text.length ? written : undefined;
  }
}

/** One key writes one character, an opening one with its pair, or a line break with its indentation. */
const looksAccepted = (added: string) =>
  [...added].length > 1 && added.trim() !== '' && !CLOSED_BY_EDITOR.has(added);

/** What the editor writes when the first of two brackets or quotes is typed. */
const CLOSED_BY_EDITOR = new Set(['()', '[]', '{}', '<>', '""', "''", '``']);
