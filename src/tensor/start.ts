/** Starts a backend. `auto` is the fastest one that starts, by measured rates. */
import { UserError, reasonOf } from '../text/errors.ts';
import { joinTexts, msg, type Text } from '../text/message.ts';
import type { BackendName } from '../protocol/run.ts';
import type { Backend } from './backend.ts';
import { planBackend } from './devices/plan.ts';

type Starter = (reason: Text, device?: string) => Promise<Backend>;

const starters: Record<BackendName, Starter> = {
  tensorflow: async (reason) => (await import('./tensorflow.ts')).startTensorflow(reason),
  webgpu: async (reason, device) =>
    (await import('./webgpu/start.ts')).startWebgpu(reason, undefined, device),
  wasm: async (reason) => (await import('./wasm.ts')).startWasm(reason),
};

interface StartOptions {
  /** A GPU by index or name (devices/choose-device.ts); it makes `auto` mean WebGPU. */
  device?: string | undefined;
  /** The backend that the run was planned for: `auto` tries it first. */
  planned?: BackendName | undefined;
  /**
   * Falls back to another backend if the requested one doesn't start, as when a run is resumed on another machine.
   */
  orOther?: boolean;
}

/**
 * Starts a backend. Throws UserError `runtime-missing` if TensorFlow was requested but is not installed,
 * `backend-unavailable` if the backend (with `auto`: every backend) fails to start, `bad-argument` if the device does
 * not exist.
 */
export async function startBackend(
  choice: 'auto' | BackendName = 'auto',
  { device, planned, orOther = false }: StartOptions = {},
): Promise<Backend> {
  const asked = choice === 'auto' && device ? 'webgpu' : choice;
  if (asked === 'auto') return startFastest(planned);
  try {
    return await starters[asked](msg`asked for`, device);
  } catch (error) {
    if (!orOther) throw error;
    return startFastest(undefined, [reasonOf(error)]);
  }
}

/** @param refusals why other backends failed to start */
async function startFastest(planned?: BackendName, refusals: Text[] = []): Promise<Backend> {
  const { order, reason } = await planBackend({ backend: 'auto' });
  const names = planned ? [planned, ...order.filter((name) => name !== planned)] : order;
  for (const name of names) {
    const why = refusals.length
      ? msg`the fastest that starts; ${joinTexts(refusals)}`
      : name === order[0]
        ? reason
        : msg`as planned`;
    try {
      return await starters[name](why);
    } catch (error) {
      refusals.push(reasonOf(error));
    }
  }
  throw new UserError(
    'backend-unavailable',
    msg`No backend starts. ${joinTexts(refusals)}`,
    msg`Run {doctor}.`,
  );
}
