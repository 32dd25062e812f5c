import type { Backend } from '../backend.ts';
import { openDevice } from './adapter.ts';
import { Gpu } from './gpu.ts';
import { WebgpuBackend } from './webgpu.ts';

/**
 * Opens a GPU: the largest, or the one that `device` is the number or a part of the name of. Throws UserError
 * `backend-unavailable` if there is none, `bad-argument` if it is not among those that there are.
 * @param mostBound for tests: bytes that a kernel may see of a buffer, less than the device allows
 */
export async function startWebgpu(reason: string, mostBound?: number, wanted?: string): Promise<Backend> {
  const { device, adapter } = await openDevice(wanted);
  return new WebgpuBackend(new Gpu(device, mostBound), `WebGPU on ${adapter.name}, ${reason}`, adapter);
}
