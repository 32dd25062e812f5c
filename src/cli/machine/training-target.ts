/** Where a training takes place: this machine, or a worker of a cluster, with its backend and memory. */
import { UserError } from '../../text/errors.ts';
import type { BackendName, Hyper } from '../../protocol/run.ts';
import { fastestPrecision } from '../../tensor/precision.ts';
import { fitMemory } from '../../training/memory/fit.ts';
import { firstUnsupported } from '../../training/options/index.ts';
import { formatBytes } from '../view/format.ts';
import { describePlan, fitToMachine, type CheckedBase } from './fit-machine.ts';
import { plannedBackend, plannedPrecision } from './planned-backend.ts';
import { print } from '../view/output.ts';

interface RequestedDevice {
  backend: 'auto' | BackendName;
  device?: string;
  json?: boolean;
}

export interface TrainingTarget {
  backend: BackendName;
  precision(method: Hyper['method']): Hyper['precision'];
  /** What the run is changed to, so that it fits, and what it needs. `atCheckpoints`: as in fitToMachine. */
  fit(
    base: CheckedBase,
    hyper: Hyper,
    atCheckpoints?: boolean,
  ): Promise<{ settings: Pick<Hyper, 'recompute' | 'batch' | 'accumulate'>; memoryBytes: number }>;
}

export async function localTarget(wanted: RequestedDevice): Promise<TrainingTarget> {
  const backend = await plannedBackend(wanted);
  return {
    backend,
    precision: await plannedPrecision(backend, wanted.device),
    fit: async (base, hyper, atCheckpoints) => ({
      settings: await fitToMachine(base, hyper, backend, {
        ...wanted,
        ...(atCheckpoints !== undefined && { atCheckpoints }),
      }),
      memoryBytes: 0,
    }),
  };
}

/** Assumes workers like this machine; only the cluster knows their memory. */
export function workerTarget(wanted: RequestedDevice): TrainingTarget {
  const { backend: requested, json } = wanted;
  const refused = firstUnsupported('cluster', wanted);
  if (refused)
    throw new UserError(
      'bad-argument',
      `${refused} is for this machine, and workers of a cluster compute on their processors.`,
      'Leave it out, or leave --on out.',
    );
  const backend = requested === 'auto' ? 'tensorflow' : requested;
  return {
    backend,
    precision: (method) => fastestPrecision(backend, method),
    async fit({ config, baseBytes, storedBytes }, hyper, atCheckpoints) {
      const measuring = atCheckpoints === undefined ? {} : { measuring: { baseBytes, atCheckpoints } };
      const { plan } = fitMemory(config, hyper, { backend, available: Infinity, storedBytes, ...measuring });
      if (!json) print(`Memory: about ${formatBytes(plan.total)} on a worker`, `  ${describePlan(plan)}`);
      const { recompute, batch, accumulate } = hyper;
      return { settings: { recompute, batch, accumulate }, memoryBytes: Math.ceil(plan.total) };
    },
  };
}
