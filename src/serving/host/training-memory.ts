/** How much GPU memory is reserved for training; completion takes what is left. */
import type { RunSnapshot } from '../../protocol/panel.ts';
import { findRun, readRun, trainingRun } from '../../runs/index.ts';
import { findRuntime } from '../../tensor/runtime/index.ts';

/** What a training uses on a GPU. */
export interface TrainingMemory {
  /** Bytes that it plans to use; 0 if nothing trains there. */
  bytes: number;
  /** Whether they are already allocated, so that they don't count as free. */
  isAllocated: boolean;
}
const noTraining: TrainingMemory = { bytes: 0, isAllocated: false };

/** The GPU memory of this machine's training; undefined if one is in progress but its memory is unknown. */
export async function trainingGpuMemory(): Promise<TrainingMemory | undefined> {
  const training = await trainingRun();
  if (!training) return noTraining;
  // A search for a learning rate is not a run, and a run that is being prepared has no plan yet.
  if (!training.run) return undefined;
  // It may have been deleted meanwhile.
  return await findRun(training.run)
    .then(readRun)
    .then(gpuMemoryOf)
    .catch(() => noTraining);
}

export const gpuMemoryOf = async (snapshot: RunSnapshot): Promise<TrainingMemory> => ({
  bytes: plannedBytes(snapshot, (await findRuntime())?.gpu ?? false),
  isAllocated: hasAllocated(snapshot),
});

/** Whether the run has made a step since it last stated its plan and started, and not ended. Pure. */
export function hasAllocated({ events }: Pick<RunSnapshot, 'events'>): boolean {
  const types = events.map(({ type }) => type);
  const ended = Math.max(types.lastIndexOf('done'), types.lastIndexOf('error'));
  const begun = Math.max(types.lastIndexOf('start'), types.lastIndexOf('memory'));
  return types.lastIndexOf('step') > Math.max(begun, ended);
}

/** Free bytes of a GPU that completion may use next to the training. Pure. */
export function availableNextToTraining(
  { bytes, isAllocated }: TrainingMemory,
  { total, free }: { total: number; free: number },
): number {
  return Math.max(0, Math.min(total - bytes, isAllocated ? free : free - bytes));
}

/** `cuda`: TensorFlow trains on a GPU. Pure. */
export function plannedBytes({ spec, events }: Pick<RunSnapshot, 'spec' | 'events'>, cuda: boolean): number {
  const start = events.findLast((event) => event.type === 'start');
  const backend = start?.backend ?? spec.backend;
  const onGpu = backend === 'webgpu' || (cuda && (backend === 'tensorflow' || backend === 'auto'));
  const memory = events.findLast((event) => event.type === 'memory');
  // Some runs plan the GPU's memory separately from the machine's, before they say where they start.
  if (memory?.device) return memory.device.total;
  if (!onGpu || !memory) return 0;
  // The program itself and measuring use the machine's memory.
  const { runtime = 0, evaluation = 0 } = memory.plan;
  return Math.max(0, memory.total - runtime - evaluation);
}
