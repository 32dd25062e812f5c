export { findRuntime, type Runtime } from './find.ts';
export { inspectRuntime, type RuntimeReport } from './inspect.ts';
export { installRuntime, installSize, type RuntimeProgress } from './install.ts';
