/** Chooses a backend. `auto` is the fastest one that starts, of those that were measured. */
import { UserError, reportError } from '../protocol/errors.ts';
import type { BackendName } from '../protocol/run.ts';
import type { Backend } from './backend.ts';

type Starter = (reason: string) => Promise<Backend>;

const starters: Record<BackendName, Starter> = {
  tensorflow: async (reason) => (await import('./tensorflow.ts')).startTensorflow(reason),
  webgpu: async (reason) => (await import('./webgpu/start.ts')).startWebgpu(reason),
  wasm: async (reason) => (await import('./wasm.ts')).startWasm(reason),
};

/** What `auto` tries, the fastest first. WebGPU has to be asked for: whether it is faster depends on the GPU. */
const automatic: readonly BackendName[] = ['tensorflow', 'wasm'];

/**
 * Starts a backend. Throws UserError `runtime-missing` if TensorFlow was asked for but is not installed,
 * `backend-unavailable` if the backend does not start, or with `auto` none of them.
 */
export async function startBackend(choice: 'auto' | BackendName = 'auto'): Promise<Backend> {
  if (choice !== 'auto') return starters[choice]('asked for');
  const refusals: string[] = [];
  for (const name of automatic) {
    const reason = refusals.length
      ? `the fastest that starts; ${refusals.join(' ')}`
      : 'the fastest on this machine';
    try {
      return await starters[name](reason);
    } catch (error) {
      refusals.push(reportError(error).message);
    }
  }
  throw new UserError('backend-unavailable', `No backend starts. ${refusals.join(' ')}`, 'Run {doctor}.');
}
