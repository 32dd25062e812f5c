import { readFileSync } from 'node:fs';
import type { BackendName, Hyper } from '../protocol/run.ts';

/** NVIDIA GPUs multiply bf16 natively from this compute capability on (Ampere). */
const BF16_CAPABILITY = 8;

/**
 * The fastest precision for a method on this machine. bf16 is about 1.4x as fast on processors that multiply it
 * natively (AVX512-BF16, AMX); elsewhere it is converted back and forth, which is slower than f32. Full fine-tuning
 * always uses f32, because its updates are smaller than bf16 can represent. WebGPU uses f16 where that was measured to
 * be faster.
 * @param gpu the GPU that computes, if any (devices/cuda.ts, devices/plan.ts); it then decides instead of the processor
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
