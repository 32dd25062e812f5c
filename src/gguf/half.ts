/** Half precision (IEEE 754 binary16), which Node 20 does not support. */

/** Every half as a float: 256 KB, built on first use. */
let table: Float32Array | undefined;

/** A lookup table from the 16 bits of a half to its value. */
export function halfTable(): Float32Array {
  if (table) return table;
  table = new Float32Array(65_536);
  for (let bits = 0; bits < 65_536; bits++) table[bits] = decode(bits);
  return table;
}

function decode(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Rounds to the nearest half, ties to even, as hardware does. Values beyond the range become infinite. */
export function encodeHalf(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) halves[i] = roundToHalf(bits[i]!);
  return halves;
}

function roundToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // Normal halves: exponents -14 to 15. Rounding up may correctly carry into the exponent, even to infinity.
  if (magnitude >= 0x38800000 && magnitude < 0x47800000)
    return sign | ((magnitude - 0x38000000 + 0xfff + ((bits >>> 13) & 1)) >>> 13);
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x33000000) return sign;
  // A subnormal half has fewer bits and stores the leading one explicitly.
  const shift = 126 - (magnitude >>> 23);
  const whole = (magnitude & 0x7fffff) | 0x800000;
  const half = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  return sign | (rest > middle || (rest === middle && half & 1) ? half + 1 : half);
}
