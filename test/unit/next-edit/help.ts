/** A fake user who edits texts, for tests of what is offered next. */
import {
  applyParts,
  DocumentEdits,
  search,
  shownLines,
  type Edit,
  type Offer,
  type SearchResult,
} from '../../../src/next-edit/index.ts';
import { languageIdForPath } from '../../../src/completion/code/languages.ts';

export class Editor {
  private time = 0;
  private readonly documents = new Map<string, { text: string; edits: DocumentEdits }>();
  private last = { path: '', place: 0 };

  constructor(files: Record<string, string>) {
    for (const [path, text] of Object.entries(files))
      this.documents.set(path, { text, edits: new DocumentEdits(path, languageIdForPath(path), text) });
  }

  text(path: string): string {
    return this.documents.get(path)!.text;
  }

  /** Replaces the first `was` in a file, or the first one after the text `after`. */
  edit(path: string, was: string, now: string, after = ''): this {
    return this.replace(path, this.placeOf(path, was, after), was.length, now);
  }

  /** The same as an undo step, of the last one. */
  undo(path: string, was: string, now: string): this {
    return this.replace(path, this.text(path).lastIndexOf(was), was.length, now, true);
  }

  private placeOf(path: string, was: string, after: string): number {
    const { text } = this.documents.get(path)!;
    const from = text.indexOf(after);
    const offset = text.indexOf(was, from);
    if (from < 0 || offset < 0) throw new Error(`There is no ${after} ${was} in ${path}.`);
    return offset;
  }

  replace(path: string, offset: number, removed: number, now: string, isUndo = false): this {
    const document = this.documents.get(path)!;
    const text = document.text.slice(0, offset) + now + document.text.slice(offset + removed);
    this.time += 1;
    document.edits.change([{ offset, removed, inserted: now.length }], this.time, () => text, isUndo);
    document.text = text;
    this.last = { path, place: offset };
    return this;
  }

  get edits(): Edit[] {
    return [...this.documents.values()]
      .flatMap(({ text, edits }) => edits.edits(text, this.time))
      .sort((a, b) => a.time - b.time);
  }

  get offers(): Offer[] {
    return this.found.offers;
  }

  /** What is found from where the last edit was made. */
  get found(): SearchResult {
    return this.foundFrom(this.last);
  }

  foundFrom(cursor: { path: string; place: number }): SearchResult {
    const texts = [...this.documents].map(([path, { text }]) => ({
      path,
      languageId: languageIdForPath(path),
      text,
    }));
    return search(this.edits, texts, cursor);
  }

  /** Each offer as the resulting line. */
  get lines(): string[] {
    return this.offers.map((offer) => shownLines(this.text(offer.path), offer.parts).after.trim());
  }

  /** Accepts all offers, one by one. */
  takeAll(): this {
    for (let count = 0; count < 200; count += 1) {
      const [offer] = this.offers;
      if (!offer) return this;
      const before = this.text(offer.path);
      const { from, before: line } = shownLines(before, offer.parts);
      const after = applyParts(before, offer.parts);
      const length = after.length - before.length + line.length;
      this.replace(offer.path, from, line.length, after.slice(from, from + length));
    }
    throw new Error('The offers have no end.');
  }
}
