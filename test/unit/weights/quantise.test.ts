/** Our quantiser against ggml's own bytes: test/reference/quantise_golden.py made them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { quantise } from '../../../src/weights/quantise.ts';

const golden = JSON.parse(readFileSync(new URL('./quantised.json', import.meta.url), 'utf8')) as {
  values: string;
  types: Record<string, string>;
};
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const values = new Float32Array(bytesOf(golden.values).buffer);

describe('a quantised row', () => {
  it.each(Object.keys(golden.types) as ('F16' | 'Q8_0')[])("as %s is byte for byte ggml's", (type) => {
    const [ours, theirs] = [quantise(type, values), bytesOf(golden.types[type]!)];
    expect(ours.length).toBe(theirs.length);
    expect(ours.findIndex((byte, i) => byte !== theirs[i])).toBe(-1);
  });

  it('consists of whole blocks', () =>
    expect(() => quantise('Q8_0', new Float32Array(33))).toThrow(RangeError));
});
