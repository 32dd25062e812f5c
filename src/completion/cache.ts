/**
 * Cache of earlier answers, which also serves while the user types the ghost text. The key is the text before and after
 * the cursor, the file and the adapter.
 */
import { unmatchedClosers } from './code/brackets.ts';
import { embeddedAt, languageFor } from './code/languages.ts';
import type { CursorDocument } from './types.ts';
import { areClosers, fullLengths } from './prompt/window.ts';

/** Characters on each side that must be equal; beyond that, only the lengths are compared. */
const WINDOW = 4096;

interface Entry {
  key: string;
  before: string;
  beforeLength: number;
  after: string;
  afterLength: number;
  /** Empty: the model had no completion here. */
  text: string;
  /** The model wrote more, which was too unlikely to be shown. */
  isPart: boolean;
}

/** What is kept of an answer. */
type Kept = Pick<Entry, 'text'> & Partial<Pick<Entry, 'isPart'>>;

export class CompletionCache {
  /** Newest last. */
  private entries: Entry[] = [];

  constructor(private readonly size = 200) {}

  /**
   * The rest of a cached text; `''` if the model is known to have no completion; undefined if nothing is cached.
   * @param onlyWhole only texts that are all the model wrote
   */
  get(document: CursorDocument, adapter: string, onlyWhole = false): string | undefined {
    const key = cacheKey(document, adapter);
    for (let index = this.entries.length - 1; index >= 0; index -= 1) {
      const entry = this.entries[index]!;
      if (entry.key !== key || (onlyWhole && entry.isPart)) continue;
      const rest = remainder(entry, document);
      if (rest === undefined) continue;
      this.entries.splice(index, 1);
      this.entries.push(entry);
      return rest;
    }
    return undefined;
  }

  /** Drops the entries for exactly this document. */
  drop(document: CursorDocument, adapter: string): void {
    const key = cacheKey(document, adapter);
    const [before, after] = [document.before.slice(-WINDOW), document.after.slice(0, WINDOW)];
    this.entries = this.entries.filter(
      (entry) => entry.key !== key || entry.before !== before || entry.after !== after,
    );
  }

  put(document: CursorDocument, adapter: string, { text, isPart = false }: Kept): void {
    const { before, after } = document;
    const lengths = fullLengths(document);
    const entry: Entry = {
      key: cacheKey(document, adapter),
      before: before.slice(-WINDOW),
      beforeLength: lengths.before,
      after: after.slice(0, WINDOW),
      afterLength: lengths.after,
      text,
      isPart,
    };
    const same = (other: Entry) =>
      other.key === entry.key &&
      other.beforeLength === entry.beforeLength &&
      other.afterLength === entry.afterLength &&
      other.before === entry.before &&
      other.after === entry.after;
    this.entries = this.entries.filter((other) => !same(other));
    this.entries.push(entry);
    if (this.entries.length > this.size) this.entries.shift();
  }

  clear(): void {
    this.entries = [];
  }
}

const cacheKey = ({ path, languageId }: CursorDocument, adapter: string) =>
  JSON.stringify([adapter, path, languageId]);

/** The part of an entry that remains to be shown in this document: all of it, or what has not been typed yet. */
function remainder(entry: Entry, document: CursorDocument): string | undefined {
  const { before, after, languageId } = document;
  const lengths = fullLengths(document);
  const typedLength = lengths.before - entry.beforeLength;
  if (typedLength < 0 || typedLength > Math.min(entry.text.length, before.length)) return undefined;
  const added = lengths.after - entry.afterLength;
  if (added < 0 || added > typedLength || !areClosers(after.slice(0, added))) return undefined;
  const cursor = before.length - typedLength;
  if (!entry.text.startsWith(before.slice(cursor))) return undefined;
  if (before.slice(Math.max(0, cursor - WINDOW), cursor) !== entry.before) return undefined;
  if (after.slice(added, added + WINDOW) !== entry.after) return undefined;
  const rest = entry.text.slice(typedLength);
  // All of it was typed: what comes next is unknown.
  if (rest === '' && entry.text !== '') return undefined;
  return added === 0
    ? rest
    : cutAtCloser(rest, after[0] ?? '', embeddedAt({ before, languageId }).languageId);
}

/** The editor added closers of typed brackets and quotes: cuts the completion before the innermost. */
function cutAtCloser(rest: string, closer: string, languageId: string): string | undefined {
  const at = /["'`]/.test(closer)
    ? rest.indexOf(closer)
    : unmatchedClosers(rest, languageFor(languageId)).find((unmatched) => unmatched.closer === closer)?.at;
  return at === undefined || at <= 0 ? undefined : rest.slice(0, at);
}
