/** Chooses a backend. `auto` is the fastest one that starts, by a measured product. */
import { UserError, reportError } from '../text/errors.ts';
import type { BackendName } from '../protocol/run.ts';
import type { Backend } from './backend.ts';
import { planBackend } from './devices/plan.ts';

type Starter = (reason: string, device?: string) => Promise<Backend>;

const starters: Record<BackendName, Starter> = {
  tensorflow: async (reason) => (await import('./tensorflow.ts')).startTensorflow(reason),
  webgpu: async (reason, device) =>
    (await import('./webgpu/start.ts')).startWebgpu(reason, undefined, device),
  wasm: async (reason) => (await import('./wasm.ts')).startWasm(reason),
};

export interface StartOptions {
  /** A GPU by number or name (devices/choose-device.ts). With it, `auto` is WebGPU. */
  device?: string | undefined;
  /** What a run was planned for: `auto` tries it first. */
  planned?: BackendName | undefined;
  /**
   * Falls back to another backend if the requested one doesn't start, such as when a run continues on another machine.
   */
  orOther?: boolean;
}

/**
 * Starts a backend. Throws UserError `runtime-missing` if TensorFlow was asked for but is not installed,
 * `backend-unavailable` if the backend does not start, or with `auto` none of them; `bad-argument` for a device that is
 * not there.
 */
export async function startBackend(
  choice: 'auto' | BackendName = 'auto',
  { device, planned, orOther = false }: StartOptions = {},
): Promise<Backend> {
  const asked = choice === 'auto' && device ? 'webgpu' : choice;
  if (asked === 'auto') return startFastest(planned);
  try {
    return await starters[asked]('asked for', device);
  } catch (error) {
    if (!orOther) throw error;
    return startFastest(undefined, [reportError(error).message]);
  }
}

/** @param refusals why others were not taken */
async function startFastest(planned?: BackendName, refusals: string[] = []): Promise<Backend> {
  const { order, reason } = await planBackend({ backend: 'auto' });
  const names = planned ? [planned, ...order.filter((name) => name !== planned)] : order;
  for (const name of names) {
    const why = refusals.length
      ? `the fastest that starts; ${refusals.join(' ')}`
      : name === order[0]
        ? reason
        : 'as it was planned';
    try {
      return await starters[name](why);
    } catch (error) {
      refusals.push(reportError(error).message);
    }
  }
  throw new UserError('backend-unavailable', `No backend starts. ${refusals.join(' ')}`, 'Run {doctor}.');
}
