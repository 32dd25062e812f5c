import { elementCount, isQuantised, type TensorType } from '../../gguf/types.ts';

/**
 * Bytes of a base's weights in memory, if quantised ones stay as in the file and others become f32; undefined if most
 * of them are not quantised. `tensors`: those of the GGUF file.
 */
export function storedBytesOf(
  tensors: ReadonlyMap<string, { shape: readonly number[]; type: TensorType; byteLength: number }>,
): number | undefined {
  let quantised = 0;
  let all = 0;
  let bytes = 0;
  for (const { shape, type, byteLength } of tensors.values()) {
    const count = elementCount(shape);
    all += count;
    if (isQuantised(type)) quantised += count;
    bytes += isQuantised(type) ? byteLength : 4 * count;
  }
  return quantised > all / 2 ? bytes : undefined;
}
