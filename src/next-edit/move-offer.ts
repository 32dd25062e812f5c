/** Where an offer is once its text has changed elsewhere. */
import type { Change, Replacement } from './edit.ts';

/** What an offer changes, and the lines that it touches. In UTF-16 units of the text. */
export interface PlacedOffer {
  parts: readonly Replacement[];
  /** What is shown of the parts. */
  shown: readonly Replacement[];
  /** Where the lines begin, and how they are. */
  from: number;
  before: string;
}

/** The offer after the changes of one event; undefined if one of them touches its lines. */
export function moveOffer<T extends PlacedOffer>(offer: T, changes: readonly Change[]): T | undefined {
  const { from, before } = offer;
  const touches = ({ offset, removed }: Change) => offset <= from + before.length && offset + removed >= from;
  if (changes.some(touches)) return undefined;
  const by = changes
    .filter(({ offset }) => offset < from)
    .reduce((sum, { removed, inserted }) => sum + inserted - removed, 0);
  const move = (part: Replacement) => ({ ...part, start: part.start + by, end: part.end + by });
  return { ...offer, from: from + by, parts: offer.parts.map(move), shown: offer.shown.map(move) };
}
