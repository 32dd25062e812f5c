/** The text found later at the place where a completion was shown. Pure: independent of the editor. */
import type { Change } from '../../next-edit/index.ts';

export class ShownPlace {
  /**
   * @param begin where the completion begins in its document, in UTF-16 units
   * @param end where the text after the completion begins
   * @param line the text before it on its line
   */
  constructor(
    private begin: number,
    private end: number,
    private readonly line: string,
  ) {}

  /** An edit that touches the place belongs to it: text typed there, a word replaced. */
  edited({ offset, removed, inserted }: Change): void {
    const editEnd = offset + removed;
    if (offset > this.end) return;
    const delta = inserted - removed;
    if (editEnd < this.begin) this.begin += delta;
    else this.begin = Math.min(this.begin, offset);
    this.end = Math.max(this.end, editEnd) + delta;
  }

  /** The text there now; undefined if its line no longer begins the same, apart from indentation. */
  currentText(document: string): string | undefined {
    const from = document.lastIndexOf('\n', this.begin - 1) + 1;
    const now = document.slice(from, this.end).trimStart();
    const before = this.line.trimStart();
    return now.startsWith(before) ? now.slice(before.length) : undefined;
  }
}
