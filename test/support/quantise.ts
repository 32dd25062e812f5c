/** Quantisation for test models: absmax or min-max a block, as ggml's reference does it. */
import { encodeHalf, tensorTypes, type TensorType } from '../../src/gguf/index.ts';

/** Stored bytes of `values`. */
export function quantise(type: TensorType, values: Float32Array): Uint8Array {
  if (type === 'F32') return bytesOf(values);
  if (type === 'F16') return bytesOf(encodeHalf(values));
  if (type === 'BF16') return bytesOf(toBf16(values));
  const { block, bytes } = tensorTypes[type];
  const out = new Uint8Array((values.length / block) * bytes);
  for (let at = 0, to = 0; at < values.length; at += block, to += bytes)
    blocks[type](values.subarray(at, at + block), out.subarray(to, to + bytes));
  return out;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

function toBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (value) => (value + 0x7fff + ((value >>> 16) & 1)) >>> 16);
}

type Block = (values: Float32Array, out: Uint8Array) => void;
const putHalf = (out: Uint8Array, at: number, value: number) =>
  new DataView(out.buffer, out.byteOffset).setUint16(at, encodeHalf(Float32Array.of(value))[0]!, true);
const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, Math.round(value)));

const blocks: Record<'Q8_0' | 'Q4_0' | 'Q4_1', Block> = {
  Q8_0(values, out) {
    const d = Math.max(...values.map(Math.abs)) / 127;
    putHalf(out, 0, d);
    values.forEach((value, i) => (out[2 + i] = clamp(d ? value / d : 0, -127, 127)));
  },
  Q4_0(values, out) {
    const largest = values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    const d = largest / -8;
    putHalf(out, 0, d);
    const q = values.map((value) => clamp(d ? value / d + 8 : 8, 0, 15));
    for (let i = 0; i < 16; i++) out[2 + i] = q[i]! | (q[i + 16]! << 4);
  },
  Q4_1(values, out) {
    const low = Math.min(...values);
    const d = (Math.max(...values) - low) / 15;
    putHalf(out, 0, d);
    putHalf(out, 2, low);
    const q = values.map((value) => clamp(d ? (value - low) / d : 0, 0, 15));
    for (let i = 0; i < 16; i++) out[4 + i] = q[i]! | (q[i + 16]! << 4);
  },
};
