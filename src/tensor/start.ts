/** Choosing a backend. `auto` takes the best that starts. */
import { UserError, reportError } from '../protocol/errors.ts';
import { backendNames, type BackendName } from '../protocol/run.ts';
import type { Backend } from './backend.ts';

type Starter = (reason: string) => Promise<Backend>;

const starters: Record<BackendName, Starter> = {
  tensorflow: async (reason) => (await import('./tensorflow.ts')).startTensorflow(reason),
  wasm: async (reason) => (await import('./wasm.ts')).startWasm(reason),
};

/**
 * Starts a backend. Throws `runtime-missing` when TensorFlow was asked for and is not installed,
 * `backend-unavailable` when it is there and does not start.
 */
export async function startBackend(choice: 'auto' | BackendName = 'auto'): Promise<Backend> {
  if (choice !== 'auto') return starters[choice]('asked for');
  const refusals: string[] = [];
  for (const name of backendNames) {
    const reason = refusals.length
      ? `the best that starts; ${refusals.join(' ')}`
      : 'the fastest on this machine';
    try {
      return await starters[name](reason);
    } catch (error) {
      refusals.push(reportError(error).message);
    }
  }
  throw new UserError('backend-unavailable', `No backend starts. ${refusals.join(' ')}`, 'Run {doctor}.');
}
