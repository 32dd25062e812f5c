export { openGguf, readHeader, withGguf, type GgufFile, type GgufTensor } from './open.ts';
export { writeGguf, type TensorSource } from './write.ts';
export { dequantise } from './dequantise.ts';
export { encodeHalf } from './half.ts';
export {
  byteLengthOf,
  elementCount,
  tensorTypes,
  typeOf,
  type MetadataEntry,
  type TensorType,
  type TypedMetadata,
} from './types.ts';
