/** What the person has just done to a document, so that nothing is suggested that works against it. Pure. */
import { isSame } from './ahead.ts';
import { isBlank } from './code/text.ts';
import type { CursorDocument } from './types.ts';
import { lengthsOf } from './prompt/window.ts';

/** Removing less corrects a slip, and says nothing about what is wanted. */
const LEAST_REMOVED = 3;
/** Characters typed since at its place, beyond which it no longer counts what was removed. */
const LONGEST_TYPED = 200;

/** One text in a document took another's place; offsets are those of the document. */
interface Edit {
  at: number;
  removed: string;
  inserted: string;
}

export class Edits {
  private last: CursorDocument | undefined;
  private shownAt: CursorDocument | undefined;
  /** What was removed last, and how many characters were written in its place. */
  private removed: { at: number; text: string; written: number } | undefined;
  private isDeleting = false;

  /** The person sees a suggestion here. */
  shows(document: CursorDocument): void {
    this.shownAt = document;
  }

  /** Notes the document at each question. */
  notice(document: CursorDocument): void {
    const { last } = this;
    this.last = document;
    if (last?.path !== document.path) {
      this.removed = undefined;
      this.isDeleting = false;
      return;
    }
    const edit = editBetween(last, document);
    if (edit) {
      this.isDeleting = edit.inserted === '' && edit.at === lengthsOf(document).before;
      this.removed = this.afterEdit(edit);
    } else if (!isSame(last, document)) this.isDeleting = false;
  }

  /** Whether the newest key here deleted text, and did not only lead back to where a suggestion was seen. */
  deletes(document: CursorDocument): boolean {
    return this.isDeleting && !(this.shownAt && isSame(this.shownAt, document));
  }

  /** Whether a text at the cursor would bring back what was removed there last, or begin to. */
  undoes({ before, hidden }: CursorDocument, text: string): boolean {
    if (!this.removed) return false;
    const written = before.length + (hidden?.before ?? 0) - this.removed.at;
    if (written < 0 || written > Math.min(LONGEST_TYPED, before.length)) return false;
    const gone = dense(this.removed.text);
    const back = dense(before.slice(before.length - written) + text);
    if (gone.length < LEAST_REMOVED || isBlank(text)) return false;
    return back.startsWith(gone) || gone.startsWith(back);
  }

  private afterEdit({ at, removed, inserted }: Edit): Edits['removed'] {
    const known = this.removed;
    if (known && at >= known.at && at + removed.length <= known.at + known.written)
      // Written in its place, or taken back there.
      return { ...known, written: known.written + inserted.length - removed.length };
    if (removed === '') return known && at === known.at ? { ...known, written: inserted.length } : undefined;
    if (known?.written === 0 && at + removed.length === known.at)
      return { at, text: removed + known.text, written: inserted.length };
    if (known?.written === 0 && at === known.at)
      return { at, text: known.text + removed, written: inserted.length };
    return { at, text: removed, written: inserted.length };
  }
}

const dense = (text: string): string => text.replace(/\s+/g, '');

/** How a document became another one; undefined if it is the same, as far as both are seen. */
function editBetween(was: CursorDocument, is: CursorDocument): Edit | undefined {
  if (was.before === is.before && was.after === is.after) return undefined;
  const [from, to] = [was, is].map(({ hidden }) => ({ before: 0, after: 0, ...hidden })) as [Hidden, Hidden];
  const begins = Math.max(from.before, to.before);
  const ends = Math.max(from.after, to.after);
  const seen = ({ before, after }: CursorDocument, hidden: Hidden) =>
    (before + after).slice(begins - hidden.before, before.length + after.length - (ends - hidden.after));
  const [old, now] = [seen(was, from), seen(is, to)];
  const shorter = Math.min(old.length, now.length);
  // What is removed or written before the cursor ends there, also if the text after it is alike.
  const cursor = Math.max(0, Math.min(shorter, lengthsOf(is).before - begins));
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
