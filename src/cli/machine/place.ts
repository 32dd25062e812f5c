/** Where a training takes place: this machine, or a worker of a cluster. What computes there, and what fits. */
import { UserError } from '../../text/errors.ts';
import type { BackendName, Hyper } from '../../protocol/run.ts';
import { fastestPrecision } from '../../tensor/precision.ts';
import { fitMemory } from '../../training/memory/fit.ts';
import { firstUnsupported } from '../../training/options/index.ts';
import { formatBytes } from '../view/format.ts';
import { describePlan, fitToMachine, type CheckedBase } from './fit-machine.ts';
import { plannedBackend, plannedPrecision } from './planned-backend.ts';
import { print } from '../view/output.ts';

interface Wanted {
  backend: 'auto' | BackendName;
  device?: string;
  json?: boolean;
}

export interface Place {
  backend: BackendName;
  precision(method: Hyper['method']): Hyper['precision'];
  /** What the run is changed to, so that it fits, and what it needs. `atCheckpoints`: as in fitToMachine. */
  fit(
    base: CheckedBase,
    hyper: Hyper,
    atCheckpoints?: boolean,
  ): Promise<{ fitted: Pick<Hyper, 'recompute' | 'batch' | 'accumulate'>; memoryBytes: number }>;
}

export async function thisMachine(wanted: Wanted): Promise<Place> {
  const backend = await plannedBackend(wanted);
  return {
    backend,
    precision: await plannedPrecision(backend, wanted.device),
    fit: async (base, hyper, atCheckpoints) => ({
      fitted: await fitToMachine(base, hyper, backend, {
        ...wanted,
        ...(atCheckpoints !== undefined && { atCheckpoints }),
      }),
      memoryBytes: 0,
    }),
  };
}

/** Workers are taken for machines like this one; how much memory they have is the cluster's to know. */
export function worker(wanted: Wanted): Place {
  const { backend: asked, json } = wanted;
  const refused = firstUnsupported('cluster', wanted);
  if (refused)
    throw new UserError(
      'bad-argument',
      `${refused} is for this machine, and workers of a cluster compute on their processors.`,
      'Leave it out, or leave --on out.',
    );
  const backend = asked === 'auto' ? 'tensorflow' : asked;
  return {
    backend,
    precision: (method) => fastestPrecision(backend, method),
    async fit({ config, baseBytes, storedBytes }, hyper, atCheckpoints) {
      const measuring = atCheckpoints === undefined ? {} : { measuring: { baseBytes, atCheckpoints } };
      const { plan } = fitMemory(config, hyper, { backend, available: Infinity, storedBytes, ...measuring });
      if (!json) print(`Memory: about ${formatBytes(plan.total)} on a worker`, `  ${describePlan(plan)}`);
      const { recompute, batch, accumulate } = hyper;
      return { fitted: { recompute, batch, accumulate }, memoryBytes: Math.ceil(plan.total) };
    },
  };
}
