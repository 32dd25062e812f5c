/** The K-quants: blocks of 256 values in groups with their own scales. Layouts: ggml's `ggml-quants.c`. */
import { halfTable } from './half.ts';

/** d, dmin (halves), 8 pairs of scale and minimum, 128 bytes of two 4-bit values: d s q - dmin m */
export function readQ4K(bytes: Uint8Array, count: number): Float32Array {
  const half = halfTable();
  const values = new Float32Array(count);
  const factors = new Float64Array(16);
  for (let at = 0, out = 0; out < count; at += 144) {
    readFactors(bytes, at, half, factors);
    for (let group = 0, from = at + 16; group < 8; group += 2, from += 32, out += 64) {
      const [low, lowest, high, highest] = [
        factors[group]!,
        factors[group + 8]!,
        factors[group + 1]!,
        factors[group + 9]!,
      ];
      for (let i = 0; i < 32; i++) {
        const pair = bytes[from + i]!;
        values[out + i] = low * (pair & 15) - lowest;
        values[out + i + 32] = high * (pair >> 4) - highest;
      }
    }
  }
  return values;
}

/**
 * Like Q4_K, with 32 bytes of fifth bits before the low four bits: bit g of byte i belongs to value i of group g.
 * Sharing a loop with Q4_K would slow that down by a quarter.
 */
export function readQ5K(bytes: Uint8Array, count: number): Float32Array {
  const half = halfTable();
  const values = new Float32Array(count);
  const factors = new Float64Array(16);
  for (let at = 0, out = 0; out < count; at += 176) {
    readFactors(bytes, at, half, factors);
    for (let group = 0, from = at + 48; group < 8; group += 2, from += 32, out += 64) {
      const [low, lowest, high, highest] = [
        factors[group]!,
        factors[group + 8]!,
        factors[group + 1]!,
        factors[group + 9]!,
      ];
      for (let i = 0; i < 32; i++) {
        const pair = bytes[from + i]!;
        const fifth = bytes[at + 16 + i]! >> group;
        values[out + i] = low * ((pair & 15) | ((fifth & 1) << 4)) - lowest;
        values[out + i + 32] = high * ((pair >> 4) | ((fifth & 2) << 3)) - highest;
      }
    }
  }
  return values;
}

/** 128 bytes of low 4 bits, 64 bytes of high 2 bits, 16 scales (int8), d (half): d s (q - 32) */
export function readQ6K(bytes: Uint8Array, count: number): Float32Array {
  const half = halfTable();
  const values = new Float32Array(count);
  const steps = new Float64Array(16);
  for (let at = 0, out = 0; out < count; at += 210) {
    const d = half[bytes[at + 208]! | (bytes[at + 209]! << 8)]!;
    for (let group = 0; group < 16; group++) steps[group] = d * ((bytes[at + 192 + group]! << 24) >> 24);
    for (let part = 0; part < 2; part++, out += 128) {
      const lows = at + part * 64;
      const highs = at + 128 + part * 32;
      for (let i = 0; i < 32; i++) {
        const group = part * 8 + (i >> 4);
        const first = bytes[lows + i]!;
        const second = bytes[lows + i + 32]!;
        const high = bytes[highs + i]!;
        values[out + i] = steps[group]! * (((first & 15) | ((high & 3) << 4)) - 32);
        values[out + i + 32] = steps[group + 2]! * (((second & 15) | ((high & 12) << 2)) - 32);
        values[out + i + 64] = steps[group + 4]! * (((first >> 4) | (high & 48)) - 32);
        values[out + i + 96] = steps[group + 6]! * (((second >> 4) | ((high & 192) >> 2)) - 32);
      }
    }
  }
  return values;
}

/** The 8 scales, then the 8 minima of a Q4_K or Q5_K block: 6 bits each in 12 bytes; groups 4 to 7 are split. */
function readFactors(bytes: Uint8Array, at: number, half: Float32Array, factors: Float64Array): void {
  const d = half[bytes[at]! | (bytes[at + 1]! << 8)]!;
  const dmin = half[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
  for (let group = 0; group < 4; group++) {
    const scale = bytes[at + 4 + group]!;
    const minimum = bytes[at + 8 + group]!;
    const both = bytes[at + 12 + group]!;
    factors[group] = d * (scale & 63);
    factors[group + 4] = d * ((both & 15) | ((scale >> 6) << 4));
    factors[group + 8] = dmin * (minimum & 63);
    factors[group + 12] = dmin * ((both >> 4) | ((minimum >> 6) << 4));
  }
}
