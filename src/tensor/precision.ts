import { readFileSync } from 'node:fs';
import type { BackendName, Hyper } from '../protocol/run.ts';

/** NVIDIA's GPUs multiply bf16 from this compute capability on (Ampere). */
const BF16_CAPABILITY = 8;

/**
 * The fastest precision for a method on this machine. bf16 is about 1.4x as fast on processors that multiply it
 * natively (AVX512-BF16, AMX); on others it is converted back and forth and slower than f32. Full fine-tuning always
 * uses f32: its weights change by less than bf16 can represent. On WebGPU, f16 is used where it was measured faster.
 * @param gpu the one that computes (devices/cuda.ts, devices/plan.ts): then it decides, and not the processor
 */
export function fastestPrecision(
  backend: BackendName,
  method: Hyper['method'],
  gpu?: { computeCapability?: number; fasterInF16?: boolean },
): Hyper['precision'] {
  if (backend === 'webgpu' && method === 'lora' && gpu?.fasterInF16) return 'f16';
  if (backend !== 'tensorflow' || method !== 'lora') return 'f32';
  const native = gpu ? (gpu.computeCapability ?? 0) >= BF16_CAPABILITY : multipliesBf16();
  return native ? 'bf16' : 'f32';
}

function multipliesBf16(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    return /\b(avx512_bf16|amx_bf16)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}
