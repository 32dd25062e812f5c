import type { Backend } from '../backend.ts';
import { openDevice } from './adapter.ts';
import { Gpu } from './gpu.ts';
import { leaveOutWrong } from './self-test/self-test.ts';
import { WebgpuBackend } from './webgpu.ts';
import { type Text, together } from '../../text/message.ts';

/**
 * Opens a GPU: the largest one, or the one selected by `wanted` (an index or part of a name). At its first use its
 * driver is tested, which takes some seconds, or half a minute on a software GPU. Throws UserError
 * `backend-unavailable` if there is none or its driver computes incorrectly, `bad-argument` if `wanted` matches none.
 * @param mostBound for tests: limits the bytes of a buffer that a kernel can access. The driver is then not tested
 */
export async function startWebgpu(reason: Text, mostBound?: number, wanted?: string): Promise<Backend> {
  const backend = await openWebgpu(reason, mostBound, wanted);
  // A lowered limit is not part of the cache key, so its outcome must not be stored as the GPU's.
  if (mostBound === undefined) await leaveOutWrong(backend, backend.device.name);
  return backend;
}

/** The same without the test. */
export async function openWebgpu(reason: Text, mostBound?: number, wanted?: string): Promise<WebgpuBackend> {
  const { device, adapter } = await openDevice(wanted);
  return new WebgpuBackend(
    new Gpu(device, mostBound),
    together([`WebGPU on ${adapter.name}`, reason], ', '),
    adapter,
  );
}
