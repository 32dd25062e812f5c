/** The text of a file while its changes are made, and where its other changes have moved. */
import type { Edit, SearchedText } from '../../src/next-edit/index.ts';

/** Replaced lines. `at`: the first of them, from 0; for an insertion, the line before which it is made. */
export interface Hunk {
  at: number;
  old: readonly string[];
  now: readonly string[];
}

/** The changes of a file. */
export interface FileStep {
  path: string;
  languageId: string;
  before: string;
  hunks: readonly Hunk[];
}

/** A change that is still to be made. */
export interface Pending {
  hunk: Hunk;
  file: FileText;
  /** Current position of its lines. */
  at: number;
  lines: string[];
  found: boolean;
}

export class FileText {
  private lines: string[];
  /** The edits made so far, in their current positions. */
  readonly edits: Edit[] = [];
  /** In the order of `step.hunks`; those that were made are removed. */
  readonly pending: Pending[];

  constructor(private readonly step: FileStep) {
    this.lines = step.before.split('\n');
    this.pending = step.hunks.map((hunk) => ({
      hunk,
      file: this,
      at: hunk.at,
      lines: [...hunk.old],
      found: false,
    }));
  }

  get path(): string {
    return this.step.path;
  }

  searched(): SearchedText {
    const { path, languageId } = this.step;
    return { path, languageId, text: this.lines.join('\n') };
  }

  offsetOf(line: number): number {
    let at = 0;
    for (let i = 0; i < line; i += 1) at += this.lines[i]!.length + 1;
    return at;
  }

  /** Replaces lines, and records it as an edit made at `time`. */
  write(at: number, count: number, now: readonly string[], time: number): void {
    const begin = this.offsetOf(at);
    const before = this.lines.slice(at, at + count);
    this.lines.splice(at, count, ...now);
    const grown = now.length - count;
    for (const pending of this.pending) if (pending.at >= at + count) pending.at += grown;
    // As in an editor, an existing line is changed, so that an edit never replaces an empty text.
    const length = this.lines.slice(at, at + now.length).join('\n').length;
    const oldLength = before.join('\n').length;
    for (const edit of this.edits) if (edit.at > begin) edit.at += length - oldLength + grown;
    this.edits.push(this.widened({ at, before, now: [...now] }, time));
  }

  /** An edit of whole lines; insertions and deletions include the line above or below. */
  private widened(change: { at: number; before: string[]; now: string[] }, time: number): Edit {
    const { path, languageId } = this.step;
    let { at, before, now } = change;
    if (before.length === 0 || now.length === 0) {
      const above = this.lines[at - 1];
      const below = this.lines[at + now.length];
      if (above !== undefined) [at, before, now] = [at - 1, [above, ...before], [above, ...now]];
      else if (below !== undefined)
        [before, now] = [
          [...before, below],
          [...now, below],
        ];
    }
    return {
      path,
      languageId,
      before: before.join('\n'),
      after: now.join('\n'),
      at: this.offsetOf(at),
      time,
    };
  }

  /** Whether the change of these lines, from `line`, brings back only lines that an edit there has replaced. */
  isReversal(line: number, before: string, after: string): boolean {
    const from = this.offsetOf(line);
    return this.edits.some(
      (edit) =>
        edit.at < from + before.length &&
        from < edit.at + edit.after.length &&
        occursIn(after, edit.before) &&
        !occursIn(before, edit.before),
    );
  }
}

/** Whether all lines of a text that are not blank are lines of another. */
function occursIn(text: string, whole: string): boolean {
  const linesOf = (of: string) => of.split('\n').map((line) => line.trim());
  const lines = linesOf(text).filter(Boolean);
  const there = new Set(linesOf(whole));
  return lines.length > 0 && lines.every((line) => there.has(line));
}
