/** How much of a GPU's memory is kept for a training: completion takes what is left. */
import type { RunSnapshot } from '../../protocol/panel.ts';
import { findRun, readRun, trainingRun } from '../../runs/index.ts';
import { findRuntime } from '../../tensor/runtime/index.ts';

/** What a training uses on a GPU. */
export interface TrainingMemory {
  /** Bytes that it plans to use; 0 if none trains there. */
  bytes: number;
  /** Whether it has them already, so that they are not among those that are free. */
  taken: boolean;
}
const nothing: TrainingMemory = { bytes: 0, taken: false };

/** What the training of this machine uses on a GPU; undefined if one is in progress and nothing says how much. */
export async function plannedOnGpu(): Promise<TrainingMemory | undefined> {
  const training = await trainingRun();
  if (!training) return nothing;
  // A search for a learning rate is not a run, and a run that is being prepared has no plan yet.
  if (!training.run) return undefined;
  // It may have been deleted meanwhile.
  return await findRun(training.run)
    .then(readRun)
    .then(async (snapshot) => ({
      bytes: plannedBy(snapshot, (await findRuntime())?.gpu ?? false),
      taken: hasTaken(snapshot),
    }))
    .catch(() => nothing);
}

/** Since its last start, the run has made a step, and has not ended. Pure. */
export function hasTaken({ events }: Pick<RunSnapshot, 'events'>): boolean {
  const types = events.map(({ type }) => type);
  const ended = Math.max(types.lastIndexOf('done'), types.lastIndexOf('error'));
  return types.lastIndexOf('step') > Math.max(types.lastIndexOf('start'), ended);
}

/** Bytes of a GPU that completion may use beside the training, of those that are free. Pure. */
export function leftBeside(
  { bytes, taken }: TrainingMemory,
  { total, free }: { total: number; free: number },
): number {
  return Math.max(0, Math.min(total - bytes, taken ? free : free - bytes));
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
