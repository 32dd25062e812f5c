import { readFileSync } from 'node:fs';
import type { BackendName, Hyper } from '../protocol/run.ts';

/**
 * The fastest precision for a method on this machine. bf16 is about 1.4x as fast on processors that multiply it
 * natively (AVX512-BF16, AMX); on others it is converted back and forth and slower than f32. Full fine-tuning always
 * uses f32: its weights change by less than bf16 can represent.
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
