/** How much of a GPU's memory is kept for a training: completion takes what is left. */
import type { RunSnapshot } from '../../protocol/panel.ts';
import { findRun, readRun, trainingNow } from '../../runs/index.ts';
import { findRuntime } from '../../tensor/runtime/index.ts';

/** Bytes that the training of this machine plans to use on a GPU; 0 if none trains there. */
export async function plannedOnGpu(): Promise<number> {
  const run = /^Run (\S+)$/.exec((await trainingNow()) ?? '')?.[1];
  if (!run) return 0;
  // It may have been deleted meanwhile.
  return await findRun(run)
    .then(readRun)
    .then(async (snapshot) => plannedBy(snapshot, (await findRuntime())?.gpu ?? false))
    .catch(() => 0);
}

/** `cuda`: TensorFlow trains on a GPU. Pure. */
export function plannedBy({ spec, events }: Pick<RunSnapshot, 'spec' | 'events'>, cuda: boolean): number {
  const start = events.findLast((event) => event.type === 'start');
  const backend = start?.backend ?? spec.backend;
  const onGpu = backend === 'webgpu' || (cuda && (backend === 'tensorflow' || backend === 'auto'));
  const memory = events.findLast((event) => event.type === 'memory');
  if (!onGpu || !memory) return 0;
  // Runs that plan a GPU's memory apart from the machine's say how much that is.
  if (memory.device) return memory.device.total;
  // The program itself, and measuring, use the machine's memory.
  const { runtime = 0, evaluation = 0 } = memory.plan;
  return Math.max(0, memory.total - runtime - evaluation);
}
