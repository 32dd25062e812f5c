export type { PlannedDownload, ResolveOptions } from './ask.ts';
export { isPresent, knownBasePath, resolveBase, type ResolvedBase } from './resolve.ts';
export { findKnownBase, knownBases, type KnownBase } from './registry.ts';
export { openTokenizer, type Tokenizer } from './tokenizer.ts';
