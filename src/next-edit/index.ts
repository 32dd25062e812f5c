/** Next edit: finds the places that need the same edit as the recent ones. Pure. */
export { applyParts, partsShown, shownLines } from './apply.ts';
export { DocumentEdits, type Change, type Edit, type Replacement } from './edit.ts';
export { search, type FindOptions, type SearchResult, type Offer, type SearchedText } from './find.ts';
export { importOffer, mayLackImport, type QuickFix } from './missing-import.ts';
export { moveOffer } from './move-offer.ts';
export type { Why } from './pattern.ts';
export { Refusals } from './refusals.ts';
export { Steps, type Step } from './steps.ts';
export { WrittenRanges } from './written.ts';
export { inOrder, isApplied, tabAction, type Cursor, type Start } from './tab-key.ts';
