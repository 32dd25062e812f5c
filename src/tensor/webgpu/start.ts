import type { Backend } from '../backend.ts';
import { openDevice } from './adapter.ts';
import { Gpu } from './gpu.ts';
import { WebgpuBackend } from './webgpu.ts';

/**
 * Opens the fastest GPU. Throws UserError `backend-unavailable` if there is none.
 * @param mostBound for tests: bytes that a kernel may see of a buffer, less than the device allows
 */
export async function startWebgpu(reason: string, mostBound?: number): Promise<Backend> {
  const { device, adapter } = await openDevice();
  return new WebgpuBackend(new Gpu(device, mostBound), `WebGPU on ${adapter.name}, ${reason}`);
}
