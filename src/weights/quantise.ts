/** Quantises floats into blocks exactly like llama.cpp's own quantiser (`quantize_row_q8_0_ref` in ggml-quants.c). */
import { encodeHalf, tensorTypes } from '../gguf/index.ts';

/** How a model's file stores matrices. */
export type ModelType = 'F32' | 'F16' | 'Q8_0';

/** Encodes `values` as `type`. Throws RangeError if their number is not a multiple of the block size. */
export function quantise(type: ModelType, values: Float32Array): Uint8Array {
  const { block, bytes } = tensorTypes[type];
  if (values.length % block) throw new RangeError(`${values.length} numbers are not whole blocks of ${type}`);
  if (type === 'F32') return asBytes(values);
  if (type === 'F16') return asBytes(encodeHalf(values));
  return toQ8(values, block, bytes);
}

const asBytes = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

const f32 = Math.fround;

/** Blocks of 32 values: the scale d in half precision, then each value / d in 8 bits. */
function toQ8(values: Float32Array, block: number, bytes: number): Uint8Array {
  const count = values.length / block;
  const steps = new Float32Array(count);
  const out = new Uint8Array(count * bytes);
  for (let index = 0; index < count; index++) {
    const from = index * block;
    let largest = 0;
    for (let i = from; i < from + block; i++) largest = Math.max(largest, Math.abs(values[i]!));
    const d = (steps[index] = f32(largest / 127));
    const perStep = d ? f32(1 / d) : 0;
    const to = index * bytes + 2 - from;
    // C's roundf: ties away from zero.
    for (let i = from; i < from + block; i++) {
      const scaled = f32(values[i]! * perStep);
      out[to + i] = scaled < 0 ? -Math.floor(0.5 - scaled) : Math.floor(scaled + 0.5);
    }
  }
  const halves = asBytes(encodeHalf(steps));
  for (let index = 0; index < count; index++)
    out.set(halves.subarray(2 * index, 2 * index + 2), index * bytes);
  return out;
}
