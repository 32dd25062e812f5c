import { findRuntime } from '../runtime/find.ts';
import { findNvidia, type NvidiaGpu } from './memory.ts';

/**
 * The GPU that TensorFlow uses: the first in nvidia-smi's order (tensorflow.ts makes CUDA use the same order).
 * Undefined without CUDA's libraries or an NVIDIA GPU.
 */
export async function tensorflowGpu(): Promise<NvidiaGpu | undefined> {
  return (await findRuntime())?.gpu ? (await findNvidia())[0] : undefined;
}
