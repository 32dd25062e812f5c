/**
 * Where the gap that the model fills in begins. If it began at the cursor, each key would change what stands before the
 * text after the cursor, and the model would have to read that text again: hundreds of tokens. So it begins at an
 * earlier line, and what was written since then is the beginning of the answer. Only this grows with each key.
 */
import { plainText, surroundings } from './prompt.ts';
import type { ContextBudget } from './context.ts';
import { lastLine } from '../code/text.ts';
import type { CursorDocument, Gap } from '../types.ts';
import { lengthsOf } from './window.ts';

/** Most characters between the beginning of the gap and the cursor: some 15 lines. */
export const LONGEST_BEGUN = 600;

interface Anchor {
  path: string;
  /** Characters of the document before the gap. */
  at: number;
  prefix: string;
  suffix: string;
}

export class Anchors {
  private last: Anchor | undefined;

  /** The gap at a cursor: where it was before, as long as only its text has changed; else from the line's beginning. */
  gapAt(document: CursorDocument, budget: ContextBudget): Gap {
    const now = surroundings(document, budget);
    const kept = this.last && begunSince(this.last, document, now.suffix);
    if (kept !== undefined) return { ...this.last!, begun: kept };
    const { path, before } = document;
    const line = lastLine(before);
    // A very long line is hardly written by hand.
    const begun = line.length > LONGEST_BEGUN ? '' : line;
    const above = { ...document, before: before.slice(0, before.length - begun.length) };
    const { prefix } = surroundings(above, budget);
    this.last = { path, at: lengthsOf(above).before, prefix, suffix: now.suffix };
    return { ...this.last, begun: plainText(begun) };
  }

  forget(): void {
    this.last = undefined;
  }
}

/** What was written since the gap began, or undefined if anything else has changed or it has become too long. */
function begunSince(
  { path, at, prefix, suffix }: Anchor,
  document: CursorDocument,
  suffixNow: string,
): string | undefined {
  const { before } = document;
  const written = lengthsOf(document).before - at;
  if (document.path !== path || suffix !== suffixNow) return undefined;
  if (written < 0 || written > Math.min(LONGEST_BEGUN, before.length)) return undefined;
  const begins = before.length - written;
  // Line ends of Windows count twice in the document.
  const above = plainText(before.slice(Math.max(0, begins - 2 * prefix.length), begins));
  return above.endsWith(prefix) ? plainText(before.slice(begins)) : undefined;
}
