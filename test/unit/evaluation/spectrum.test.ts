import { appendFile, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSpectrumStore } from '../../../src/evaluation/spectrum/store.ts';
import { scaleSpectrum, summarise } from '../../../src/evaluation/spectrum/summary.ts';
import { coreMatrix } from '../../../src/evaluation/spectrum/weights.ts';
import {
  describeSpectrum,
  rankOf,
  rankRange,
  type LinearSpectrum,
  type RunSpectrum,
} from '../../../src/protocol/spectrum.ts';
import { singularValues } from '../../../src/tensor/linear-algebra.ts';
import reference from '../../reference/singular-values.json' with { type: 'json' };
import { useTemporaryHome } from '../runs/help.ts';

describe('summarise', () => {
  it('counts the values that hold 50%, 90% and 99% of the energy', () => {
    // Squares: 64, 25, 9, 1, 1 of 100.
    const values = [8, 5, 3, 1, 1];
    expect(summarise(values)).toEqual({ size: 10, ranks: [1, 3, 4], values });
    expect(summarise(Array.from({ length: 200 }, () => 1))!.ranks).toEqual([100, 180, 198]);
    expect(summarise([2, 0, 0])!.ranks).toEqual([1, 1, 1]);
  });

  it('is undefined for zeros', () => {
    expect(summarise([0, 0])).toBeUndefined();
  });

  it('keeps a curve with even steps, including both ends', () => {
    const { values } = summarise(Array.from({ length: 577 }, (_, i) => 577 - i))!;
    expect(values).toHaveLength(33);
    expect(values.slice(0, 3)).toEqual([577, 559, 541]);
    expect(values.at(-1)).toBe(1);
  });

  it('scales like the matrix', () => {
    const values = [8, 5, 3, 1, 1];
    const quarter = summarise(values.map((value) => value / 4))!;
    expect(scaleSpectrum(summarise(values)!, 2.5)).toEqual(quarter);
  });
});

describe('the core of an adapter', () => {
  it.each(reference.adapters)('has the singular values of the product: $name', (layer) => {
    const [a, b] = [Float32Array.from(layer.a), Float32Array.from(layer.b)];
    const { values, rows, columns } = coreMatrix({ ...layer, a, b }, layer.scale);
    expect([rows, columns]).toEqual([layer.rank, layer.rank]);
    const found = singularValues(values, rows, columns);
    for (const [i, expected] of layer.values.entries())
      expect(Math.abs(found[i]! - expected)).toBeLessThan(1e-6 * layer.values[0]!);
  });

  it('is no larger than the matrix, even if the rank is', () => {
    const { rows, columns } = coreMatrix(
      { name: '', rank: 5, in: 8, out: 3, a: new Float32Array(40).fill(1), b: new Float32Array(15).fill(1) },
      1,
    );
    expect([rows, columns]).toEqual([3, 5]);
  });
});

describe('the store', () => {
  const home = useTemporaryHome();
  const digest = 'cd'.repeat(32);
  const one = { size: 5, ranks: [1, 2, 2], values: [4, 3] };

  it('has all measured values, including zeros, and skips a truncated line', async () => {
    const store = await openSpectrumStore(digest);
    await store.put('blk.0.attn_q', one);
    await store.put('blk.0.attn_k', undefined);
    const folder = join(home.path(), 'cache', 'evaluation', digest.slice(0, 32));
    const path = join(folder, (await readdir(folder))[0]!);
    await appendFile(path, '{"name":"blk.0.attn_v","spec');
    const again = await openSpectrumStore(digest);
    await again.put('blk.0.attn_output', one);
    const last = await openSpectrumStore(digest);
    expect(last.get('blk.0.attn_q')).toEqual(one);
    expect([last.has('blk.0.attn_k'), last.get('blk.0.attn_k')]).toEqual([true, undefined]);
    expect(last.has('blk.0.attn_v')).toBe(false);
    expect(last.get('blk.0.attn_output')).toEqual(one);
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(5);
  });

  it('keeps files apart', async () => {
    await (await openSpectrumStore(digest)).put('blk.0.attn_q', one);
    expect((await openSpectrumStore('ef'.repeat(32))).has('blk.0.attn_q')).toBe(false);
  });
});

describe('the description of a spectrum', () => {
  const spectrum = (rank: number) => ({ size: 1, ranks: [1, rank, rank], values: [1] });
  const linear = (layer: number, change?: number): LinearSpectrum => ({
    layer,
    module: 'q',
    shape: [64, 64],
    base: spectrum(40 + layer),
    ...(change && { change: spectrum(change), noise: spectrum(33) }),
  });
  const run = (linears: LinearSpectrum[]): RunSpectrum => ({
    format: 1,
    method: 'full',
    step: 3,
    source: 'checkpoint',
    backend: 'wasm',
    linears,
  });

  it('states the rank at 90%', () => {
    expect(rankOf({ size: 1, ranks: [3, 8, 11], values: [] })).toBe(8);
  });
  it('states the median, also of an even count, and the range', () => {
    const linears = [linear(0, 9), linear(1), linear(2, 4), linear(3, 7), linear(4, 30)];
    expect(rankRange(linears, 'change')).toEqual({ median: 8, low: 4, high: 30 });
    expect(rankRange(linears, 'base')).toEqual({ median: 42, low: 40, high: 44 });
    expect(rankRange([linear(0)], 'noise')).toBeUndefined();
    expect(describeSpectrum(run(linears))).toBe(
      'the change has rank 8 (median of 4 linears, at 90% of the energy), noise of the same size 33, the base 42',
    );
  });
  it('says that nothing changed', () => {
    expect(describeSpectrum(run([linear(0)]))).toBe('nothing changed');
  });
});
