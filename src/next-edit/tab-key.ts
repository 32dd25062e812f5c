/** What Tab does: goes to an offer, applies it, and continues with the next; elsewhere Tab is not ours. */
import type { PlacedOffer } from './move-offer.ts';

export interface Cursor {
  path: string;
  /** Offset in the text, in UTF-16 units. */
  offset: number;
  /** From 0. */
  line: number;
  /** The text before it on its line. */
  head: string;
}

/** Where Tab starts: the cursor when the offer was made, or after the last step. */
export interface Start extends Pick<Cursor, 'path' | 'offset' | 'line'> {
  isStep: boolean;
}

type Where = PlacedOffer & { path: string };

/**
 * Undefined if Tab keeps its usual meaning: where it indents, unless a step has just put the cursor there, and wherever
 * the user has moved on to something else.
 * @param isPassed the user saw the offer and went on typing, or is typing something else: Tab then applies only at
 *   exactly that place
 */
export function tabAction(
  cursor: Cursor,
  offer: Where,
  start: Start | undefined,
  isPassed: boolean,
): 'apply' | 'go' | undefined {
  const isAfterStep = start?.isStep === true && start.path === cursor.path && start.offset === cursor.offset;
  if (!isAfterStep && !cursor.head.trim()) return undefined;
  if (offer.import) return isApplied(cursor, offer) ? 'apply' : undefined;
  if (isPassed) return isAt(cursor, offer) ? 'apply' : undefined;
  if (isInLines(cursor, offer)) return 'apply';
  return start?.path === cursor.path && start.line === cursor.line ? 'go' : undefined;
}

/** Whether the cursor is in a line that the offer changes. */
const isInLines = (
  { path, offset }: Pick<Cursor, 'path' | 'offset'>,
  { path: changed, from, before }: Where,
): boolean => path === changed && offset >= from && offset <= from + before.length;

/** Whether an offer is applied from the cursor: in its lines, or behind the use of an import's name, on that line. */
export function isApplied(cursor: Cursor, offer: Where): boolean {
  if (!offer.import) return isInLines(cursor, offer);
  const { at } = offer.import;
  return cursor.path === offer.path && at > cursor.offset - cursor.head.length && at <= cursor.offset;
}

/** The offers as they are taken up: an import comes first where it is applied from, elsewhere last. */
export function inOrder<T extends Where>(offers: readonly T[], cursor: Cursor | undefined): T[] {
  const rank = (offer: T) => (!offer.import ? 1 : cursor && isApplied(cursor, offer) ? 0 : 2);
  return [...offers].sort((a, b) => rank(a) - rank(b));
}

const isAt = ({ path, offset }: Cursor, { path: changed, parts }: Where): boolean =>
  path === changed && offset >= parts[0]!.start && offset <= parts.at(-1)!.end;
