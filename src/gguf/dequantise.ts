/** Dequantises stored bytes, block by block. Layouts: ggml's `ggml-quants.c`. */
import { halfTable } from './half.ts';
import { readQ4K, readQ5K, readQ6K } from './k-quants.ts';
import { byteLengthOf, tensorTypes, type TensorType } from './types.ts';

/**
 * `count` values stored as `type`. The results equal ggml's bit for bit. Throws RangeError if `bytes` has the wrong
 * length.
 */
export function dequantise(type: TensorType, bytes: Uint8Array, count: number): Float32Array {
  if (count % tensorTypes[type].block || bytes.length !== byteLengthOf(type, count))
    throw new RangeError(`${count} numbers of ${type} do not take ${bytes.length} bytes`);
  return readers[type](bytes, count);
}

const readers: Record<TensorType, (bytes: Uint8Array, count: number) => Float32Array> = {
  F32: (bytes) => new Float32Array(aligned(bytes, 4)),
  F16(bytes, count) {
    const halves = new Uint16Array(aligned(bytes, 2));
    const half = halfTable();
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = half[halves[i]!]!;
    return values;
  },
  BF16(bytes, count) {
    const halves = new Uint16Array(aligned(bytes, 2));
    const bits = new Uint32Array(count);
    for (let i = 0; i < count; i++) bits[i] = halves[i]! << 16;
    return new Float32Array(bits.buffer);
  },
  /** d (half), 32 x int8: d q */
  Q8_0(bytes, count) {
    const half = halfTable();
    const values = new Float32Array(count);
    for (let at = 0, out = 0; out < count; at += 34) {
      const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
      for (let i = 2; i < 34; i++) values[out++] = d * ((bytes[at + i]! << 24) >> 24);
    }
    return values;
  },
  /** d (half), 16 bytes of two 4-bit values, low nibbles first: d (q - 8) */
  Q4_0(bytes, count) {
    const half = halfTable();
    const values = new Float32Array(count);
    for (let at = 0, out = 0; out < count; at += 18, out += 32) {
      const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
      for (let i = 0; i < 16; i++) {
        const pair = bytes[at + 2 + i]!;
        values[out + i] = d * ((pair & 15) - 8);
        values[out + i + 16] = d * ((pair >> 4) - 8);
      }
    }
    return values;
  },
  /** d, m (halves), 16 bytes as in Q4_0: d q + m */
  Q4_1(bytes, count) {
    const half = halfTable();
    const values = new Float32Array(count);
    for (let at = 0, out = 0; out < count; at += 20, out += 32) {
      const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
      const m = half[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
      for (let i = 0; i < 16; i++) {
        const pair = bytes[at + 4 + i]!;
        values[out + i] = d * (pair & 15) + m;
        values[out + i + 16] = d * (pair >> 4) + m;
      }
    }
    return values;
  },
  /** d (half), 32 fifth bits, 16 bytes as in Q4_0: d (q - 16) */
  Q5_0(bytes, count) {
    const half = halfTable();
    const values = new Float32Array(count);
    for (let at = 0, out = 0; out < count; at += 22, out += 32) {
      const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
      const fifth = readUint32(bytes, at + 2);
      for (let i = 0; i < 16; i++) {
        const pair = bytes[at + 6 + i]!;
        values[out + i] = d * (((pair & 15) | (((fifth >>> i) & 1) << 4)) - 16);
        values[out + i + 16] = d * (((pair >> 4) | (((fifth >>> (i + 16)) & 1) << 4)) - 16);
      }
    }
    return values;
  },
  /** d, m (halves), then as Q5_0: d q + m */
  Q5_1(bytes, count) {
    const half = halfTable();
    const values = new Float32Array(count);
    for (let at = 0, out = 0; out < count; at += 24, out += 32) {
      const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
      const m = half[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
      const fifth = readUint32(bytes, at + 4);
      for (let i = 0; i < 16; i++) {
        const pair = bytes[at + 8 + i]!;
        values[out + i] = d * ((pair & 15) | (((fifth >>> i) & 1) << 4)) + m;
        values[out + i + 16] = d * ((pair >> 4) | (((fifth >>> (i + 16)) & 1) << 4)) + m;
      }
    }
    return values;
  },
  Q4_K: readQ4K,
  Q5_K: readQ5K,
  Q6_K: readQ6K,
};

const readUint32 = (bytes: Uint8Array, at: number) =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

/** The bytes in their own buffer, so that a typed array can start there. Copies only if needed. */
function aligned(bytes: Uint8Array, unit: number): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  const whole = byteOffset === 0 && byteLength === buffer.byteLength && byteLength % unit === 0;
  return (whole ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)) as ArrayBuffer;
}
