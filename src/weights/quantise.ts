/**
 * Floats to stored blocks, as llama.cpp's own quantiser makes them without an importance matrix (`quantize_row_*_ref` in
 * ggml-quants.c): what of a base's type must be written anew. The same bytes as ggml's but where rounding ties.
 */
import { encodeHalf, tensorTypes, type TensorType } from '../gguf/index.ts';
import { putHalf } from './half-bytes.ts';
import { quantiseQ4K, quantiseQ5K, quantiseQ6K } from './k-quantise.ts';

/** One block of values into its stored bytes, which are zero before. */
type Block = (values: Float32Array, out: Uint8Array) => void;

/** `values` stored as `type`; their count must be a multiple of the type's block, or RangeError is thrown. */
export function quantise(type: TensorType, values: Float32Array): Uint8Array {
  const { block, bytes } = tensorTypes[type];
  if (values.length % block) throw new RangeError(`${values.length} numbers are no whole blocks of ${type}`);
  if (type === 'F32') return bytesOf(values);
  if (type === 'F16') return bytesOf(encodeHalf(values));
  if (type === 'BF16') return bytesOf(encodeBf16(values));
  const out = new Uint8Array((values.length / block) * bytes);
  const write = blocks[type];
  for (let at = 0, to = 0; at < values.length; at += block, to += bytes)
    write(values.subarray(at, at + block), out.subarray(to, to + bytes));
  return out;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** To the nearest, ties to even. NaN stays NaN. */
function encodeBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (value) =>
    (value & 0x7fffffff) > 0x7f800000 ? (value >>> 16) | 64 : (value + 0x7fff + ((value >>> 16) & 1)) >>> 16,
  );
}

const f32 = Math.fround;
const inverse = (d: number) => (d ? f32(1 / d) : 0);

/** The value of the largest magnitude, with its sign; the first of equals. */
function extreme(values: Float32Array): number {
  let most = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(most)) most = value;
  return most;
}

function range(values: Float32Array): { low: number; high: number } {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

/** Each value over the step, plus `offset`, cut down to a whole number of at most `most`. */
function steps(values: Float32Array, low: number, perStep: number, offset: number, most: number): Uint8Array {
  return Uint8Array.from(values, (value) =>
    Math.max(0, Math.min(most, Math.trunc(f32(f32(f32(value - low) * perStep) + offset)))),
  );
}

/** The low four bits of number i and of number i + 16 in byte i. */
function putFourBits(out: Uint8Array, q: Uint8Array): void {
  for (let i = 0; i < 16; i++) out[i] = (q[i]! & 15) | ((q[i + 16]! & 15) << 4);
}

/** 32 fifth bits, then the low four of each. */
function putFiveBits(out: Uint8Array, q: Uint8Array): void {
  for (let i = 0; i < 32; i++) out[i >> 3]! |= (q[i]! >> 4) << (i & 7);
  putFourBits(out.subarray(4), q);
}

/** d (q - 2^(bits - 1)): the extreme takes the lowest number. */
function centred(values: Float32Array, out: Uint8Array, half: number): Uint8Array {
  const d = f32(extreme(values) / -half);
  putHalf(out, 0, d);
  return steps(values, 0, inverse(d), half + 0.5, 2 * half - 1);
}

/** d q + m: the lowest is m. */
function shifted(values: Float32Array, out: Uint8Array, most: number): Uint8Array {
  const { low, high } = range(values);
  const d = f32(f32(high - low) / most);
  putHalf(out, 0, d);
  putHalf(out, 2, low);
  return steps(values, low, inverse(d), 0.5, most);
}

const blocks: Record<Exclude<TensorType, 'F32' | 'F16' | 'BF16'>, Block> = {
  Q8_0(values, out) {
    const d = f32(Math.abs(extreme(values)) / 127);
    const perStep = inverse(d);
    putHalf(out, 0, d);
    // C's roundf: halves away from zero.
    values.forEach((value, i) => {
      const scaled = f32(value * perStep);
      out[2 + i] = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5);
    });
  },
  Q4_0: (values, out) => putFourBits(out.subarray(2), centred(values, out, 8)),
  Q4_1: (values, out) => putFourBits(out.subarray(4), shifted(values, out, 15)),
  Q5_0: (values, out) => putFiveBits(out.subarray(2), centred(values, out, 16)),
  Q5_1: (values, out) => putFiveBits(out.subarray(4), shifted(values, out, 31)),
  Q4_K: quantiseQ4K,
  Q5_K: quantiseQ5K,
  Q6_K: quantiseQ6K,
};
