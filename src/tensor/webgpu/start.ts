import type { Backend } from '../backend.ts';
import { openDevice } from './adapter.ts';
import { Gpu } from './gpu.ts';
import { disableFaulty } from './self-test/self-test.ts';
import { WebgpuBackend } from './webgpu.ts';
import { type Text, joinTexts } from '../../text/message.ts';

/**
 * Opens a GPU: the largest one, or the one selected by `wanted` (an index or part of a name). At its first use its
 * driver is tested, which takes some seconds, or half a minute on a software GPU. Throws UserError
 * `backend-unavailable` if there is none or its driver computes incorrectly, `bad-argument` if `wanted` matches none.
 * @param maxBindingSize for tests: limits the bytes of a buffer that a kernel can access. The driver is then not tested
 */
export async function startWebgpu(reason: Text, maxBindingSize?: number, wanted?: string): Promise<Backend> {
  const backend = await openWebgpu(reason, maxBindingSize, wanted);
  // A lowered limit is not part of the cache key, so its outcome must not be stored as the GPU's.
  if (maxBindingSize === undefined) await disableFaulty(backend, backend.device.name);
  return backend;
}

/** The same without the test. */
export async function openWebgpu(
  reason: Text,
  maxBindingSize?: number,
  wanted?: string,
): Promise<WebgpuBackend> {
  const { device, adapter } = await openDevice(wanted);
  return new WebgpuBackend(
    new Gpu(device, maxBindingSize),
    joinTexts([`WebGPU on ${adapter.name}`, reason], ', '),
    adapter,
  );
}
