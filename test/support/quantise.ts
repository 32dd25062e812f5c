/** Quantisation for test models: absmax or min-max per block, as in ggml's reference. */
import { encodeHalf, tensorTypes, type TensorType } from '../../src/gguf/index.ts';

/** The bytes of `values` as stored in the file. */
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

const blocks: Record<Exclude<TensorType, 'F32' | 'F16' | 'BF16'>, Block> = {
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
  Q5_0(values, out) {
    const largest = values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    const d = largest / -16;
    putHalf(out, 0, d);
    putFiveBits(
      out.subarray(2),
      values.map((value) => clamp(d ? value / d + 16 : 16, 0, 31)),
    );
  },
  Q5_1(values, out) {
    const low = Math.min(...values);
    const d = (Math.max(...values) - low) / 31;
    putHalf(out, 0, d);
    putHalf(out, 2, low);
    putFiveBits(
      out.subarray(4),
      values.map((value) => clamp(d ? (value - low) / d : 0, 0, 31)),
    );
  },
  Q4_K(values, out) {
    const q = quantiseGroups(values, out, 15);
    for (let i = 0; i < 256; i++) out[16 + (i >> 6) * 32 + (i & 31)]! |= q[i]! << (i & 32 ? 4 : 0);
  },
  Q5_K(values, out) {
    const q = quantiseGroups(values, out, 31);
    for (let i = 0; i < 256; i++) {
      out[16 + (i & 31)]! |= (q[i]! >> 4) << (i >> 5);
      out[48 + (i >> 6) * 32 + (i & 31)]! |= (q[i]! & 15) << (i & 32 ? 4 : 0);
    }
  },
  /** 16 groups of 16: d s (q - 32) */
  Q6_K(values, out) {
    const wanted = groupsOf(values, 16).map((group) => Math.max(...group.map(Math.abs)) / 31);
    const d = Math.max(...wanted) / 127;
    putHalf(out, 208, d);
    wanted.forEach((scale, group) => (out[192 + group] = clamp(d ? scale / d : 0, 0, 127)));
    values.forEach((value, i) => {
      const step = d * out[192 + (i >> 4)]!;
      const q = clamp(step ? value / step + 32 : 32, 0, 63);
      const [half, part, place] = [i >> 7, (i >> 5) & 3, i & 31];
      out[half * 64 + (part & 1) * 32 + place]! |= (q & 15) << (part >> 1 ? 4 : 0);
      out[128 + half * 32 + place]! |= (q >> 4) << (2 * part);
    });
  },
};

const groupsOf = (values: Float32Array, size: number) =>
  Array.from({ length: values.length / size }, (_, i) => values.subarray(i * size, (i + 1) * size));

/** Writes the fifth bits of 32 values, then the low four bits of each as in Q4_0. */
function putFiveBits(out: Uint8Array, q: Float32Array): void {
  for (let i = 0; i < 32; i++) {
    out[i >> 3]! |= (q[i]! >> 4) << (i & 7);
    out[4 + (i & 15)]! |= (q[i]! & 15) << (i >> 4 ? 4 : 0);
  }
}

/** Common to Q4_K and Q5_K: 8 groups of 32 values, d s q - dmin m; s and m have 6 bits. Returns q, from 0 to `most`. */
function quantiseGroups(values: Float32Array, out: Uint8Array, most: number): number[] {
  const groups = groupsOf(values, 32).map((group) => {
    const low = Math.min(0, ...group);
    return { scale: (Math.max(...group) - low) / most, low: -low };
  });
  const d = Math.max(...groups.map(({ scale }) => scale)) / 63;
  const dmin = Math.max(...groups.map(({ low }) => low)) / 63;
  putHalf(out, 0, d);
  putHalf(out, 2, dmin);
  const scales = groups.map(({ scale }) => clamp(d ? scale / d : 0, 0, 63));
  const lows = groups.map(({ low }) => clamp(dmin ? low / dmin : 0, 0, 63));
  for (let group = 0; group < 4; group++) {
    out[4 + group] = scales[group]! | ((scales[group + 4]! >> 4) << 6);
    out[8 + group] = lows[group]! | ((lows[group + 4]! >> 4) << 6);
    out[12 + group] = (scales[group + 4]! & 15) | ((lows[group + 4]! & 15) << 4);
  }
  return Array.from(values, (value, i) => {
    const step = d * scales[i >> 5]!;
    return clamp(step ? (value + dmin * lows[i >> 5]!) / step : 0, 0, most);
  });
}
