import type { Backend } from '../backend.ts';
import { openDevice } from './adapter.ts';
import { Gpu } from './gpu.ts';
import { leaveOutWrong } from './self-test/self-test.ts';
import { WebgpuBackend } from './webgpu.ts';
import { type Text, together } from '../../text/message.ts';

/**
 * Opens a GPU: the largest, or the one that `wanted` is the number or a part of the name of. At its first use its driver
 * is tested: kernels are compiled for it, which takes some seconds, or half a minute on a software GPU. Throws UserError
 * `backend-unavailable` if there is none or its driver computes wrongly, `bad-argument` if it is not among those that
 * there are.
 * @param mostBound for tests: bytes that a kernel may see of a buffer, less than the device allows. The driver is
 * then not tested
 */
export async function startWebgpu(reason: Text, mostBound?: number, wanted?: string): Promise<Backend> {
  const backend = await openWebgpu(reason, mostBound, wanted);
  // What a kernel may see is not part of the outcome's key: the outcome of a GPU made smaller is not the GPU's.
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
