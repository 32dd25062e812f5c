/** Reports what WebGPU finds on this machine. Runs in a separate process, because a broken driver may crash it. */
import type { Adapter, WebgpuProbe } from '../../protocol/doctor.ts';
import { describeError, UserError } from '../../text/errors.ts';
import { findAdapters } from './adapter.ts';
import { openWebgpu } from './start.ts';
import { msg, withTexts } from '../../text/message.ts';

/** Checks that [1 2; 3 4] [5 6; 7 8] = [19 22; 43 50]. Throws UserError `backend-unavailable` if not. */
async function checkProduct(wanted: string | undefined): Promise<void> {
  const b = await openWebgpu('asked for', undefined, wanted);
  const matrix = (values: number[]) => b.tensor(Float32Array.from(values), [2, 2]);
  const product = await b.read(b.matmul(matrix([1, 2, 3, 4]), matrix([5, 6, 7, 8])));
  if (product.join() !== '19,22,43,50')
    throw new UserError(
      'backend-unavailable',
      `${b.device?.name} multiplies wrongly (${product.join(', ')}).`,
      'Update its driver, or train with --backend tensorflow or wasm.',
    );
}

/** Finds the GPUs and tries the largest or the requested one. Never throws. */
export async function probe(wanted: string | undefined): Promise<WebgpuProbe> {
  let adapters: Adapter[] = [];
  try {
    adapters = await findAdapters();
    if (adapters.length) await checkProduct(wanted);
    return {
      adapters,
      ...(adapters.length === 0 && withTexts({ reason: msg`No GPU with a driver was found.` })),
    };
  } catch (error) {
    // A broken GPU must not hide the others.
    return { adapters, ...withTexts({ reason: describeError(error) }) };
  }
}
