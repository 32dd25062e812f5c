/**
 * Where the gap begins that the model fills in. If it began at the cursor, each keystroke would change the prefix, and
 * the model would have to read the suffix again: hundreds of tokens. So the gap begins at an earlier line, and what was
 * typed since then is the beginning of the answer. Only this part grows with each keystroke.
 */
import { plainText, surroundings } from './prompt.ts';
import type { ContextBudget } from './context.ts';
import { lastLine } from '../code/text.ts';
import type { CursorDocument, Gap } from '../types.ts';
import { fullLengths } from './window.ts';

/** Most characters between the start of the gap and the cursor: some 15 lines. */
export const MAX_BEGUN = 600;

interface Anchor {
  path: string;
  /** Characters of the document before the gap. */
  at: number;
  prefix: string;
  suffix: string;
}

export class Anchors {
  private last: Anchor | undefined;

  /** The gap at a cursor: in its previous place as long as only its text has changed, otherwise from the line start. */
  gapAt(document: CursorDocument, budget: ContextBudget): Gap {
    const now = surroundings(document, budget);
    const since = this.last && textSince(this.last, document, now.suffix);
    if (since !== undefined) return { ...this.last!, begun: since };
    const { path, before } = document;
    const line = lastLine(before);
    // A very long line was hardly written by hand.
    const begun = line.length > MAX_BEGUN ? '' : line;
    const above = { ...document, before: before.slice(0, before.length - begun.length) };
    const { prefix } = surroundings(above, budget);
    this.last = { path, at: fullLengths(above).before, prefix, suffix: now.suffix };
    return { ...this.last, begun: plainText(begun) };
  }

  forget(): void {
    this.last = undefined;
  }
}

/** What was typed since the start of the gap, or undefined if anything else has changed or it has become too long. */
function textSince(
  { path, at, prefix, suffix }: Anchor,
  document: CursorDocument,
  suffixNow: string,
): string | undefined {
  const { before } = document;
  const written = fullLengths(document).before - at;
  if (document.path !== path || suffix !== suffixNow) return undefined;
  if (written < 0 || written > Math.min(MAX_BEGUN, before.length)) return undefined;
  const begins = before.length - written;
  // "\r\n" counts as two characters in the document.
  const above = plainText(before.slice(Math.max(0, begins - 2 * prefix.length), begins));
  return above.endsWith(prefix) ? plainText(before.slice(begins)) : undefined;
}
