export { exportAdapterGguf, readAdapterGguf, type Adapter, type AdapterLayer } from './adapter.ts';
export { expandRank } from './expand.ts';
export { interpolate } from './interpolate.ts';
export { exportMergedGguf } from './merge.ts';
export { exportModelGguf } from './model.ts';
