/** What `auto` chooses, given made-up rates. */
import { describe, expect, it } from 'vitest';
import { rankBackends as rank, speed, type Candidate } from '../../../../src/tensor/devices/fastest.ts';
import { english } from '../../../../src/text/message.ts';

/** With the reason in English. */
function rankBackends(candidates: readonly Candidate[]) {
  const { order, reason } = rank(candidates);
  return { order, reason: english(reason) };
}

const tensorflow = (rate?: number): Candidate => ({ name: 'tensorflow', label: 'TensorFlow', rate });
const wasm = (rate?: number): Candidate => ({ name: 'wasm', label: 'WebAssembly', rate });
const gpu = (rate?: number): Candidate => ({ name: 'webgpu', label: 'NVIDIA GeForce RTX 4090', rate });
const lack = (candidate: Candidate, why: string): Candidate => ({ ...candidate, lack: why });

describe('rankBackends', () => {
  it('chooses a GPU if it multiplies faster, and says by how much', () => {
    expect(rankBackends([gpu(5.1e12), tensorflow(0.2e12), wasm()])).toEqual({
      order: ['webgpu', 'tensorflow', 'wasm'],
      reason: 'the fastest here: 5.1 TFLOP/s against 0.2 TFLOP/s (TensorFlow)',
    });
  });

  it('chooses TensorFlow if it is faster, as with many processors and a small GPU', () => {
    expect(rankBackends([gpu(0.16e12), tensorflow(0.9e12), wasm()])).toEqual({
      order: ['tensorflow', 'webgpu', 'wasm'],
      reason: 'the fastest here: 0.9 TFLOP/s against 0.2 TFLOP/s (NVIDIA GeForce RTX 4090)',
    });
  });

  it('compares a GPU with WebAssembly if TensorFlow is missing', () => {
    const without = lack(tensorflow(), 'TensorFlow is not installed.');
    expect(rankBackends([gpu(2e12), without, wasm(18e9)])).toEqual({
      order: ['webgpu', 'wasm'],
      reason: 'the fastest here: 2.0 TFLOP/s against 18 GFLOP/s (WebAssembly)',
    });
  });

  it('rejects a GPU that was not measured, or that failed, and says why', () => {
    const broken = lack(gpu(), 'The process that measured webgpu ended early.');
    expect(rankBackends([tensorflow(), wasm()]).order).toEqual(['tensorflow', 'wasm']);
    expect(rankBackends([gpu(), tensorflow(), wasm()]).order).toEqual(['tensorflow', 'wasm']);
    expect(rankBackends([broken, tensorflow(), wasm()])).toEqual({
      order: ['tensorflow', 'wasm'],
      reason: 'the fastest on this machine; The process that measured webgpu ended early.',
    });
  });

  it('chooses a GPU if nothing else starts', () => {
    const none = [lack(tensorflow(), 'No AVX.'), lack(wasm(), 'No wasm.')];
    expect(rankBackends([gpu(1e12), ...none]).order).toEqual(['webgpu']);
  });
});

it('formats speeds for reading', () => {
  expect([5.14e12, 0.2e12, 99e9, 18.4e9, 4.7e9].map(speed)).toEqual([
    '5.1 TFLOP/s',
    '0.2 TFLOP/s',
    '99 GFLOP/s',
    '18 GFLOP/s',
    '4.7 GFLOP/s',
  ]);
});
