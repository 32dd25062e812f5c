/** Locates each metadata value's bytes in a header, so that copies are exact even for invalid UTF-8. */
import { valueTypes, type TypedMetadata, type ValueType } from './types.ts';

const sizes: Partial<Record<ValueType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  uint64: 8,
  int64: 8,
  float64: 8,
};

/**
 * `header`: the bytes of a little-endian GGUF file of version 2 or 3 from its start to the end of its metadata. Throws
 * RangeError if it is truncated.
 */
export function sliceMetadata(header: Uint8Array): TypedMetadata {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  let at = 16;
  const size = () => {
    const value = view.getBigUint64(at, true);
    at += 8;
    if (value > BigInt(header.length))
      throw new RangeError(`a length of ${value} in a header of ${header.length} bytes`);
    return Number(value);
  };
  const skip = (id: number, depth = 0): void => {
    const type = valueTypes[id];
    if (type === undefined || depth > 4) throw new RangeError(`metadata of type ${id}`);
    if (type === 'string') {
      const length = size();
      at += length;
    } else if (type === 'array') {
      const element = view.getUint32(at, true);
      at += 4;
      const count = size();
      const fixed = sizes[valueTypes[element]!];
      if (fixed) at += fixed * count;
      else for (let i = 0; i < count; i++) skip(element, depth + 1);
    } else at += sizes[type]!;
    if (at > header.length) throw new RangeError('metadata ends past the header');
  };

  const entries: TypedMetadata = new Map();
  const text = new TextDecoder();
  for (let left = size(); left > 0; left--) {
    const length = size();
    const key = text.decode(header.subarray(at, at + length));
    at += length;
    const start = at;
    at += 4;
    skip(view.getUint32(start, true));
    entries.set(key, { raw: header.slice(start, at) });
  }
  return entries;
}
