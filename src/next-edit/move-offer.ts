/** Moves an offer after its text has changed elsewhere. */
import type { Change, Replacement } from './edit.ts';

/** What an offer changes, and the lines that it touches; offsets are in UTF-16 units. */
export interface PlacedOffer {
  parts: readonly Replacement[];
  /** What is shown of the parts. */
  shown: readonly Replacement[];
  /** The offset and the current text of the lines. */
  from: number;
  before: string;
  /** Of an import: see `Offer`. */
  import?: { title: string; at: number };
}

/** The offer after the changes of one event; undefined if one of them touches its lines. */
export function moveOffer<T extends PlacedOffer>(offer: T, changes: readonly Change[]): T | undefined {
  const { from, before } = offer;
  const touches = ({ offset, removed }: Change) => offset <= from + before.length && offset + removed >= from;
  if (changes.some(touches)) return undefined;
  const shiftAt = (place: number) =>
    changes
      .filter(({ offset }) => offset < place)
      .reduce((sum, { removed, inserted }) => sum + inserted - removed, 0);
  const by = shiftAt(from);
  const move = (part: Replacement) => ({ ...part, start: part.start + by, end: part.end + by });
  const moved = { ...offer, from: from + by, parts: offer.parts.map(move), shown: offer.shown.map(move) };
  if (offer.import) moved.import = { ...offer.import, at: offer.import.at + shiftAt(offer.import.at) };
  return moved;
}
