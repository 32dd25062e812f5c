import { findRuntime } from '../runtime/find.ts';
import { findNvidia, type NvidiaGpu } from './memory.ts';

/**
 * The GPU that TensorFlow uses: the first one in nvidia-smi's order, which tensorflow.ts asks CUDA for, too. Undefined
 * without CUDA's libraries or without an NVIDIA GPU.
 */
export async function tensorflowGpu(): Promise<NvidiaGpu | undefined> {
  return (await findRuntime())?.gpu ? (await findNvidia())[0] : undefined;
}
