/**
 * Dequantisation. Layouts: ggml's `ggml-quants.c`; src/gguf has the same in TypeScript (dequantise.ts, k-quants.ts).
 * Products of a scale and a small integer are exact, so each value is rounded only once and equals ggml's bit for bit.
 */
import { tensorTypes, type TensorType } from '../../../gguf/types.ts';
import { elementwise, variants } from '../kernel.ts';

const READING = `
fn byte(at: u32) -> u32 { return (bytes[at / 4u] >> (8u * (at % 4u))) & 255u; }
fn signedByte(at: u32) -> f32 { return f32(i32(byte(at) << 24u) >> 24u); }
fn word(at: u32) -> u32 {
  return byte(at) | (byte(at + 1u) << 8u) | (byte(at + 2u) << 16u) | (byte(at + 3u) << 24u);
}

// By hand, because unpack2x16float may flush subnormals to zero.
fn half(at: u32) -> f32 {
  let bits = byte(at) | (byte(at + 1u) << 8u);
  let sign = (bits & 0x8000u) << 16u;
  let exponent = (bits >> 10u) & 31u;
  let fraction = bits & 1023u;
  if (exponent == 0u) { return select(1.0, -1.0, sign != 0u) * f32(fraction) * 5.9604644775390625e-8; }
  return bitcast<f32>(sign | ((exponent + 112u) << 23u) | (fraction << 13u));
}
`;

/**
 * Value i of a block of 32 with 4 bits each: the first 16 are the low nibbles of 16 bytes, the others the high ones.
 */
const FOUR_BITS = `
fn fourBits(pairs: u32, i: u32) -> u32 { return (byte(pairs + i % 16u) >> (4u * (i / 16u))) & 15u; }
fn fifthBit(bits: u32, i: u32) -> u32 { return ((word(bits) >> i) & 1u) << 4u; }
`;

/** Scale and minimum of a group of 32: 6 bits each in 12 bytes; groups 4 to 7 are split. */
const FACTORS = `
fn factors(at: u32, group: u32) -> vec2f {
  let d = vec2f(half(at), half(at + 2u));
  if (group < 4u) { return d * vec2f(f32(byte(at + 4u + group) & 63u), f32(byte(at + 8u + group) & 63u)); }
  let both = byte(at + 8u + group);
  let scale = (both & 15u) | ((byte(at + group) >> 6u) << 4u);
  let minimum = (both >> 4u) | ((byte(at + 4u + group) >> 6u) << 4u);
  return d * vec2f(f32(scale), f32(minimum));
}
fn fourBitsOf(pairs: u32, i: u32) -> u32 { return (byte(pairs + i / 64u * 32u + i % 32u) >> (4u * (i / 32u % 2u))) & 15u; }
`;

/** For each quantised type, value i of the block that begins at byte `at`. */
const readers: Partial<Record<TensorType, string>> = {
  /** d (half), 32 x int8: d q */
  Q8_0: 'return half(at) * signedByte(at + 2u + i);',
  /** d (half), the pairs: d (q - 8) */
  Q4_0: 'return half(at) * (f32(fourBits(at + 2u, i)) - 8.0);',
  /** d, m (halves), the pairs: d q + m */
  Q4_1: 'return half(at) * f32(fourBits(at + 4u, i)) + half(at + 2u);',
  /** d (half), 32 fifth bits, the pairs: d (q - 16) */
  Q5_0: 'return half(at) * (f32(fourBits(at + 6u, i) | fifthBit(at + 2u, i)) - 16.0);',
  /** d, m (halves), 32 fifth bits, the pairs: d q + m */
  Q5_1: 'return half(at) * f32(fourBits(at + 8u, i) | fifthBit(at + 4u, i)) + half(at + 2u);',
  /** d, dmin (halves), the factors, 128 bytes of pairs: d s q - dmin m */
  Q4_K: `let f = factors(at, i / 32u);
  return f.x * f32(fourBitsOf(at + 16u, i)) - f.y;`,
  /** The same with 32 bytes of fifth bits before the pairs: bit g of byte j belongs to value j of group g. */
  Q5_K: `let f = factors(at, i / 32u);
  let fifth = ((byte(at + 16u + i % 32u) >> (i / 32u)) & 1u) << 4u;
  return f.x * f32(fourBitsOf(at + 48u, i) | fifth) - f.y;`,
  /** 128 bytes of low 4 bits, 64 of high 2 bits, 16 scales (int8), d (half): d s (q - 32) */
  Q6_K: `let part = i / 128u;
  let quarter = i % 128u / 32u;
  let low = (byte(at + part * 64u + i % 64u) >> (4u * (quarter / 2u))) & 15u;
  let high = ((byte(at + 128u + part * 32u + i % 32u) >> (2u * quarter)) & 3u) << 4u;
  return half(at + 208u) * signedByte(at + 192u + i / 16u) * (f32(low | high) - 32.0);`,
};

/**
 * Dequantises rows of one matrix. If `choose` is 1, row r of the result is row `chosen[r]` of the matrix, provided it
 * lies in the bound part, which begins at row `first`.
 */
export const dequantise = variants((type: TensorType) =>
  elementwise(
    {
      name: `dequantise ${type}`,
      reads: { bytes: 'u32', chosen: 'i32' },
      writes: { numbers: 'f32' },
      numbers: {
        columns: 'u32',
        /** Bytes per row. */
        stride: 'u32',
        /** Rows in the bound part. */
        rows: 'u32',
        first: 'u32',
        choose: 'u32',
        /** Offset of the result in `numbers`. */
        begin: 'u32',
      },
      preamble: `${READING}${FOUR_BITS}${type.endsWith('K') ? FACTORS : ''}
const BLOCK = ${tensorTypes[type].block}u;
const BLOCK_BYTES = ${tensorTypes[type].bytes}u;

fn number(at: u32, i: u32) -> f32 {
  ${readers[type]!}
}
`,
    },
    `  var row = i / p.columns;
  if (p.choose == 1u) { row = u32(chosen[row]) - p.first; }
  if (row >= p.rows) { return; }
  let column = i % p.columns;
  let at = row * p.stride + column / BLOCK * BLOCK_BYTES;
  numbers[p.begin + i] = number(at, column % BLOCK);`,
  ),
);
