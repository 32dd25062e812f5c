/** Next edit: the places that want the same edit as the recent ones. Pure. */
export { applyParts, partsShown, shownLines } from './apply.ts';
export { DocumentEdits, type Change, type Edit } from './edit.ts';
export { findOffers, search, type FindOptions, type Found, type Offer, type SearchedText } from './find.ts';
export type { Replacement } from './match.ts';
export type { Why } from './pattern.ts';
export { Refusals } from './refusals.ts';
