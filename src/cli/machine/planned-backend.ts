import { tensorflowGpu } from '../../tensor/devices/cuda.ts';
import { fastestPrecision } from '../../tensor/precision.ts';
import type { BackendName, Hyper } from '../../protocol/run.ts';
import { fasterInF16, planBackend, type RequestedBackend } from '../../tensor/devices/plan.ts';

/** The backend that will train: the requested one, or the choice of `auto` if that starts. */
export const plannedBackend = async (wanted: RequestedBackend): Promise<BackendName> =>
  (await planBackend(wanted)).backend;

/** The fastest precision for each method, on the device that this backend will use (`device`: the requested one). */
export async function plannedPrecision(
  backend: BackendName,
  device?: string,
): Promise<(method: Hyper['method']) => Hyper['precision']> {
  const gpu =
    backend === 'tensorflow'
      ? await tensorflowGpu()
      : backend === 'webgpu'
        ? { fasterInF16: await fasterInF16(device) }
        : undefined;
  return (method) => fastestPrecision(backend, method, gpu);
}
