/** Tracks the user's latest edits, so that no suggestion works against them. Pure. */
import { isSamePlace } from './after-accepting.ts';
import { isBlank } from './code/text.ts';
import type { CursorDocument } from './types.ts';
import { fullLengths } from './prompt/window.ts';

/** Removing less than this corrects a typo, and says nothing about the user's intention. */
const MIN_REMOVED = 3;
/** After this many characters typed in its place, removed text no longer counts. */
const MAX_TYPED_LENGTH = 200;

/** A replacement of one text by another; offsets are those of the document. */
interface Edit {
  at: number;
  removed: string;
  inserted: string;
}

export class Edits {
  private last: CursorDocument | undefined;
  private shownAt: CursorDocument | undefined;
  /** The text removed last, and how many characters were typed in its place. */
  private removed: { at: number; text: string; written: number } | undefined;
  private isDeleting = false;

  /** Records that a suggestion is shown here. */
  noteShown(document: CursorDocument): void {
    this.shownAt = document;
  }

  /** Records the document at each request. */
  observe(document: CursorDocument): void {
    const { last } = this;
    this.last = document;
    if (last?.path !== document.path) {
      this.removed = undefined;
      this.isDeleting = false;
      return;
    }
    const edit = editBetween(last, document);
    if (edit) {
      this.isDeleting = edit.inserted === '' && edit.at === fullLengths(document).before;
      this.removed = this.removedAfter(edit);
    } else if (!isSamePlace(last, document)) this.isDeleting = false;
  }

  /** Whether the latest keystroke deleted text here, other than to return to where a suggestion was shown. */
  isDeletingAt(document: CursorDocument): boolean {
    return this.isDeleting && !(this.shownAt && isSamePlace(this.shownAt, document));
  }

  /** Whether a text at the cursor would restore what was last removed there, or begin to. */
  undoes({ before, hidden }: CursorDocument, text: string): boolean {
    if (!this.removed) return false;
    const written = before.length + (hidden?.before ?? 0) - this.removed.at;
    if (written < 0 || written > Math.min(MAX_TYPED_LENGTH, before.length)) return false;
    const gone = withoutWhitespace(this.removed.text);
    const back = withoutWhitespace(before.slice(before.length - written) + text);
    if (gone.length < MIN_REMOVED || isBlank(text)) return false;
    return back.startsWith(gone) || gone.startsWith(back);
  }

  /** What was removed may be suggested again. */
  forgetRemoved(): void {
    this.removed = undefined;
  }

  private removedAfter({ at, removed, inserted }: Edit): Edits['removed'] {
    const earlier = this.removed;
    if (earlier && at >= earlier.at && at + removed.length <= earlier.at + earlier.written)
      // Typed in its place, or deleted again there.
      return { ...earlier, written: earlier.written + inserted.length - removed.length };
    if (removed === '')
      return earlier && at === earlier.at ? { ...earlier, written: inserted.length } : undefined;
    if (earlier?.written === 0 && at + removed.length === earlier.at)
      return { at, text: removed + earlier.text, written: inserted.length };
    if (earlier?.written === 0 && at === earlier.at)
      return { at, text: earlier.text + removed, written: inserted.length };
    return { at, text: removed, written: inserted.length };
  }
}

const withoutWhitespace = (text: string): string => text.replace(/\s+/g, '');

/** The edit between two states of a document; undefined if they are equal, as far as both are visible. */
function editBetween(was: CursorDocument, is: CursorDocument): Edit | undefined {
  if (was.before === is.before && was.after === is.after) return undefined;
  const [from, to] = [was, is].map(({ hidden }) => ({ before: 0, after: 0, ...hidden })) as [Hidden, Hidden];
  const begins = Math.max(from.before, to.before);
  const ends = Math.max(from.after, to.after);
  const seen = ({ before, after }: CursorDocument, hidden: Hidden) =>
    (before + after).slice(begins - hidden.before, before.length + after.length - (ends - hidden.after));
  const [old, now] = [seen(was, from), seen(is, to)];
  const shorter = Math.min(old.length, now.length);
  // The edited text ends at the cursor, even if the text after it looks alike.
  const cursor = Math.max(0, Math.min(shorter, fullLengths(is).before - begins));
  let same = 0;
  while (same < cursor && old[same] === now[same]) same += 1;
  let rest = 0;
  while (rest < shorter - same && old.at(-1 - rest) === now.at(-1 - rest)) rest += 1;
  const edit = {
    at: begins + same,
    removed: old.slice(same, old.length - rest),
    inserted: now.slice(same, now.length - rest),
  };
  return edit.removed || edit.inserted ? edit : undefined;
}

type Hidden = NonNullable<CursorDocument['hidden']>;
