import type { BackendName } from '../../protocol/run.ts';
import { planBackend, type Wanted } from '../../tensor/devices/plan.ts';

/** The backend that will train: the one that was asked for, or what `auto` will choose if that starts. */
export const plannedBackend = async (wanted: Wanted): Promise<BackendName> =>
  (await planBackend(wanted)).backend;
