/** One half-precision number in the bytes of a block. */
import { dequantise, encodeHalf } from '../gguf/index.ts';

/** Rounds to a half and writes it, little-endian. */
export function putHalf(out: Uint8Array, at: number, value: number): void {
  const bits = encodeHalf(Float32Array.of(value))[0]!;
  out[at] = bits & 255;
  out[at + 1] = bits >> 8;
}

/** The half that lies at `at`. */
export const getHalf = (bytes: Uint8Array, at: number): number =>
  dequantise('F16', bytes.slice(at, at + 2), 1)[0]!;
