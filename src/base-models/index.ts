export type { ResolveOptions } from './ask.ts';
export { chooseBase, type Hardware } from './choose.ts';
export { hubAnswers } from './hub-files.ts';
export { isPresent, knownBasePath, presentBases } from './known-base.ts';
export { resolveBase, type ResolvedBase } from './resolve.ts';
export { findKnownBase, knownBases, type BaseShape, type KnownBase } from './registry.ts';
