import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dequantise, encodeHalf, type TensorType } from '../../../src/gguf/index.ts';

interface Golden {
  dequantise: { type: TensorType; name: string; count: number; bytes: string; values: string }[];
  half: { floats: string; halves: string };
}
/** Made by llama.cpp's Python package and numpy: test/reference/gguf_golden.py. */
const golden = JSON.parse(readFileSync(new URL('golden.json', import.meta.url), 'utf8')) as Golden;
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));

describe('dequantise', () => {
  it.each(golden.dequantise)(
    "$type, $name, equals llama.cpp's own",
    ({ type, count, bytes: stored, values }) => {
      const expected = new Float32Array(bytes(values).buffer);
      expect(expected.some((value) => value !== 0)).toBe(true);
      expect(dequantise(type, bytes(stored), count)).toEqual(expected);
    },
  );

  it('reads from the middle of a larger buffer', () => {
    const { bytes: stored, values, count } = golden.dequantise.find(({ type }) => type === 'F32')!;
    const larger = new Uint8Array(count * 4 + 7);
    larger.set(bytes(stored), 3);
    const part = larger.subarray(3, 3 + count * 4);
    expect(dequantise('F32', part, count)).toEqual(new Float32Array(bytes(values).buffer));
  });

  it.each([
    ['F32', 1, 3],
    ['Q8_0', 32, 33],
    ['Q4_1', 33, 20],
    ['Q5_0', 32, 21],
    ['Q5_1', 32, 22],
    ['Q4_K', 256, 143],
    ['Q5_K', 128, 88],
    ['Q6_K', 512, 210],
  ] as const)('refuses %s, %i numbers in %i bytes', (type, count, length) => {
    expect(() => dequantise(type, new Uint8Array(length), count)).toThrow(RangeError);
  });
});

it('rounds to half as numpy does: ties, subnormals, overflow', () => {
  const floats = new Float32Array(bytes(golden.half.floats).buffer);
  expect(encodeHalf(floats)).toEqual(new Uint16Array(bytes(golden.half.halves).buffer));
});

it('every half survives a round trip', () => {
  const halves = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
  const floats = dequantise('F16', new Uint8Array(halves.buffer), halves.length);
  const again = encodeHalf(floats);
  for (let bits = 0; bits < 65_536; bits++) if (!Number.isNaN(floats[bits])) expect(again[bits]).toBe(bits);
});
