/** Quantises floats into stored blocks like llama.cpp's own quantiser (`quantize_row_q8_0_ref` in ggml-quants.c). */
import { encodeHalf, tensorTypes } from '../gguf/index.ts';

/** How a model's file stores matrices. */
export type ModelType = 'F32' | 'F16' | 'Q8_0';

/** `values` stored as `type`. Throws RangeError if their number is not a multiple of the type's block. */
export function quantise(type: ModelType, values: Float32Array): Uint8Array {
  const { block, bytes } = tensorTypes[type];
  if (values.length % block) throw new RangeError(`${values.length} numbers are not whole blocks of ${type}`);
  if (type === 'F32') return bytesOf(values);
  if (type === 'F16') return bytesOf(encodeHalf(values));
  const out = new Uint8Array((values.length / block) * bytes);
  for (let at = 0, to = 0; at < values.length; at += block, to += bytes)
    putQ8(values.subarray(at, at + block), out.subarray(to, to + bytes));
  return out;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

const f32 = Math.fround;

/** Writes a block of 32 values: the step d in half precision, then each value / d in 8 bits. */
function putQ8(values: Float32Array, out: Uint8Array): void {
  const d = f32(values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127);
  out.set(bytesOf(encodeHalf(Float32Array.of(d))));
  const perStep = d ? f32(1 / d) : 0;
  // C's roundf: ties away from zero.
  values.forEach((value, i) => {
    const scaled = f32(value * perStep);
    out[2 + i] = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5);
  });
}
