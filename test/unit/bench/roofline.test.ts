/** The roofline on paper: its parts by hand, and the table in the docs as the script makes it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { devices, predict, rooflineTable, workOf, type Device } from '../../../bench/roofline.ts';
import { findKnownBase } from '../../../src/base-models/registry.ts';

const half = findKnownBase('qwen2.5-coder-0.5b')!;
const device: Device = { name: 'a GPU', f32: 1e12, f16: 2e12, bandwidth: 100e9, memory: 1e12 };

describe('workOf', () => {
  it('counts the operations of the 0.5B: 4 for each of its 494 million weights, 6 for what LoRA trains', () => {
    // Qwen2.5-0.5B has 494.03 million parameters, of which norms and biases are not multiplied.
    const { operations } = workOf(half, 'f32');
    expect(operations).toBeGreaterThan(4 * 493e6);
    expect(operations).toBeLessThan(4 * 494.1e6 + 6 * 8.9e6);
  });

  it('moves fewer bytes for a token with longer sequences, and without writing the weights out', () => {
    expect(workOf(half, 'f32', { tokens: 2048 }).bytes).toBeLessThan(workOf(half, 'f32').bytes);
    // Each weight is written and read as four bytes, in both passes.
    const saved = (workOf(half, 'f32').bytes - workOf(half, 'f16').bytes) * 512;
    expect(saved).toBeGreaterThan(16 * 493e6);
  });
});

describe('predict', () => {
  it('is held up by what is slower', () => {
    const work = { operations: 1e9, bytes: 1e6, memory: 1e9 };
    expect(predict(device, work, 'f32')).toEqual({ tokensPerSecond: 600, limit: 'products' });
    expect(predict(device, work, 'f16')).toEqual({ tokensPerSecond: 1200, limit: 'products' });
    const heavy = { ...work, bytes: 1e9 };
    expect(predict(device, heavy, 'f32')).toEqual({ tokensPerSecond: 80, limit: 'memory traffic' });
    expect(predict({ ...device, memory: 1e6 }, work, 'f32').limit).toBe('memory size');
  });

  it('is never above the peaks, on any device', () => {
    for (const one of devices)
      for (const kernels of ['f32', 'f16'] as const) {
        const work = workOf(half, kernels);
        const { tokensPerSecond } = predict(one, work, kernels);
        expect(tokensPerSecond * work.operations).toBeLessThan(one[kernels]);
        expect(tokensPerSecond * work.bytes).toBeLessThan(one.bandwidth);
      }
  });
});

it('the docs have the table that the script makes', () => {
  expect(readFileSync('docs/benchmarks.md', 'utf8')).toContain(rooflineTable().join('\n'));
});
