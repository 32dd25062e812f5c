export type { ResolveOptions } from './resolve-options.ts';
export { chooseBase, type Hardware } from './choose.ts';
export { isHubReachable } from './hub-files.ts';
export { isPresent, knownBasePath, presentBases } from './known-base.ts';
export { resolveBase, type ResolvedBase } from './resolve.ts';
export { findKnownBase, knownBases, type BaseShape, type KnownBase } from './registry.ts';
