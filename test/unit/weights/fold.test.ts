import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf } from '../../../src/gguf/index.ts';
import { exportFoldedGguf, partsToFold } from '../../../src/weights/fold.ts';
import type { AdapterLayer } from '../../../src/weights/adapter.ts';
import { writeTinyAdapter, writeTinyModel } from '../../support/tiny-model.ts';

let dir: string;
const at = (name: string) => join(dir, name);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-fold-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** W + (alpha / rank) B A, one element at a time. */
function reference(weight: Float32Array, { a, b, rank, in: width }: AdapterLayer, alpha: number): number[] {
  return [...weight].map((value, index) => {
    const [row, column] = [Math.floor(index / width), index % width];
    let change = 0;
    for (let r = 0; r < rank; r++) change += b[row * rank + r]! * a[r * width + column]!;
    return value + (alpha / rank) * change;
  });
}

describe('folding an adapter into a base', () => {
  it.each([
    ['Q5_0', 'Q8_0'],
    ['Q8_0', 'Q8_0'],
    ['F16', 'F16'],
    ['F32', 'F32'],
  ] as const)('of %s stores what it changes as %s, and leaves the rest unchanged', async (type, stored) => {
    await writeTinyModel(at('base.gguf'), { type });
    const all = await writeTinyAdapter(at('adapter.gguf'), at('base.gguf'), { alpha: 8, scale: 0.02 });
    const layers = all.filter(({ name }) => !name.endsWith('ffn_down'));
    await exportFoldedGguf(at('copy.gguf'), at('base.gguf'), { alpha: 8, layers });
    const [base, copy] = [await openGguf(at('base.gguf')), await openGguf(at('copy.gguf'))];
    try {
      expect(copy.metadata).toEqual(base.metadata);
      expect([...copy.tensors.keys()]).toEqual([...base.tensors.keys()]);
      for (const name of base.tensors.keys()) {
        const layer = layers.find((one) => `${one.name}.weight` === name);
        if (!layer) {
          expect(await copy.readBytes(name)).toEqual(await base.readBytes(name));
          continue;
        }
        expect(copy.tensors.get(name)!.type).toBe(stored);
        const wanted = reference(await base.readF32(name), layer, 8);
        const most = Math.max(...wanted.map(Math.abs));
        // Half a step of the largest block; half precision has 11 bits.
        const tolerance = { Q8_0: most / 127 / 2 + most / 4096, F16: most / 2048, F32: 1e-6 }[stored];
        const apart = (await copy.readF32(name)).reduce(
          (largest, value, index) => Math.max(largest, Math.abs(value - wanted[index]!)),
          0,
        );
        expect(apart, name).toBeLessThanOrEqual(tolerance);
      }
    } finally {
      await base.close();
      await copy.close();
    }
  });

  it('keeps unfolded what four bits would round away', () => {
    const layer = (name: string) => ({ name }) as AdapterLayer;
    const tensor = (type: string) => ({ type }) as never;
    const tensors = new Map([
      ['blk.0.attn_q.weight', tensor('Q5_0')],
      ['blk.0.ffn_down.weight', tensor('Q4_K')],
      ['blk.0.ffn_up.weight', tensor('BF16')],
    ]);
    const layers = [layer('blk.0.attn_q'), layer('blk.0.ffn_down'), layer('blk.0.ffn_up')];
    const { folded, beside } = partsToFold({ tensors }, layers);
    expect(folded.map(({ name }) => name)).toEqual(['blk.0.attn_q']);
    expect(beside.map(({ name }) => name)).toEqual(['blk.0.ffn_down', 'blk.0.ffn_up']);
  });
});
