export { findRuntime, type Runtime } from './find.ts';
export { inspectRuntime, type RuntimeReport } from './inspect.ts';
export { installRuntime, installSize } from './install.ts';
