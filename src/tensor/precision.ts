import { readFileSync } from 'node:fs';
import type { BackendName, Hyper } from '../protocol/run.ts';

/**
 * The precision that is fastest here for a method. bf16 pays where the processor multiplies it itself (AVX512-BF16,
 * AMX: about 1.4x); elsewhere it is converted back and forth and slower than f32. Full fine-tuning stays in f32: its
 * weights move by less than bf16 can hold.
 */
export function fastestPrecision(backend: BackendName, method: Hyper['method']): Hyper['precision'] {
  return backend === 'tensorflow' && method === 'lora' && multipliesBf16() ? 'bf16' : 'f32';
}

function multipliesBf16(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    return /\b(avx512_bf16|amx_bf16)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}
