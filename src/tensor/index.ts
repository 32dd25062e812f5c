export type { Backend, DataType, Tensor } from './backend.ts';
export { startBackend } from './start.ts';
