/**
 * What becomes of a completion that is shown: typed by hand, or accepted, whole or piece by piece. The editor tells only of
 * a whole one; a word or a line that is taken has to be inferred from what it changes. Pure: it knows no editor.
 */

/** A replacement in a document; offsets in UTF-16 units of the document before it. */
export interface Change {
  offset: number;
  removed: number;
  inserted: string;
}

export type Happened =
  /** By hand, or by the suggestion list: it goes on being shown. */
  | 'typed'
  /** A word, a line or all of it was taken. */
  | 'accepted'
  /** It is no longer shown. */
  | 'gone';

export class ShownText {
  /** Characters of it that stand in the document. */
  private written: number;
  /** Of those, where the first that was accepted stands. */
  private from: number | undefined;
  private lastStep = 0;
  private lastAccepted = false;
  /** Characters that were accepted; what was typed is not among them. */
  characters = 0;

  /**
   * @param offset where the text begins in the document
   * @param selected what of it the suggestion list would write by itself
   * @param written characters of it that stand there already
   */
  constructor(
    readonly offset: number,
    readonly text: string,
    readonly selected = '',
    written = 0,
  ) {
    this.written = written;
  }

  /** Where the cursor is while it is shown. */
  get cursor(): number {
    return this.offset + this.written;
  }

  /** Whether all of it stands in the document. */
  get complete(): boolean {
    return this.written === this.text.length;
  }

  /** From the first character that was accepted to the cursor; undefined where none was. */
  get acceptedText(): { offset: number; text: string } | undefined {
    if (this.from === undefined) return undefined;
    return { offset: this.offset + this.from, text: this.text.slice(this.from, this.written) };
  }

  /** Whether it goes on being shown with this selected in the suggestion list; nothing is once the list has written its part. */
  fits(selected: string): boolean {
    return selected === this.selected || (selected === '' && this.written >= this.selected.length);
  }

  /** Whether another text is what is left of this one. */
  goesOnAs(offset: number, text: string): boolean {
    return (
      offset + text.length === this.offset + this.text.length &&
      offset >= this.offset &&
      offset <= this.cursor &&
      this.text.endsWith(text)
    );
  }

  /** One event of the document: all its changes. `undone`: by undo or redo. */
  changed(changes: readonly Change[], undone = false): Happened {
    const [change] = changes;
    const written = changes.length === 1 && !undone ? this.writtenAfter(change!) : undefined;
    if (written === undefined) return 'gone';
    const before = this.written;
    const added = this.text.slice(before, written);
    this.lastStep = added.length;
    this.written = written;
    this.lastAccepted = isTaken(added) && !(this.selected !== '' && written === this.selected.length);
    if (this.lastAccepted) this.take(before);
    return this.lastAccepted ? 'accepted' : 'typed';
  }

  /** The editor says that all of it was accepted, after the change. */
  acceptedWhole(): void {
    if (!this.lastAccepted) this.take(this.written - this.lastStep);
    this.lastAccepted = true;
  }

  private take(from: number): void {
    this.from ??= from;
    // What the suggestion list would have written is its own.
    this.characters += this.written - Math.min(this.written, Math.max(from, this.selected.length));
  }

  /** Characters that stand there after a change that goes on with the text; undefined if it does not. */
  private writtenAfter({ offset, removed, inserted }: Change): number | undefined {
    // A piece that is taken may be written together with what stood there of the text before.
    const into = offset - this.offset;
    if (into < 0 || into > this.written || offset + removed !== this.cursor) return undefined;
    const written = into + inserted.length;
    const matches = this.text.startsWith(inserted, into) && written > this.written;
    return matches && written <= this.text.length ? written : undefined;
  }
}

/** One key writes one character, or a line break with its indentation. */
const isTaken = (added: string) => [...added].length > 1 && added.trim() !== '';
