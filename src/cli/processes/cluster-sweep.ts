/** Sweeps whose trials run on a cluster. */
import { rm } from 'node:fs/promises';
import type { NewTask, Work } from '../../cluster/job.ts';
import { isRunning, openCluster, readCluster } from '../../cluster/store.ts';
import type { ClusterFile } from '../../protocol/cluster.ts';
import { UserError } from '../../text/errors.ts';
import { nextTasks, sweepTasks } from '../../training/sweep/cluster-tasks.ts';
import { readSweep, type Sweep } from '../../training/sweep/store.ts';
import type { ChosenCluster } from '../options/cluster-options.ts';
import { sendWork, type SendOptions } from './send-work.ts';

/** Processors of a trial: many trials beside each other use a cluster better than one after the other. */
const CPUS = 1;
/** Seconds between the checkpoints of a trial, which a lost node costs at most. */
const CHECKPOINT_SECONDS = 10;

export interface PreparedSweep {
  sweep: Sweep;
  /** It was created just now, so it is deleted if the person does not want to send it. */
  isNew: boolean;
  /** What a trial needs; 0 if that is not known. */
  memoryBytes: number;
}

/** Whether this sweep has, or had, its trials on a cluster. Errors: run-damaged. */
export const isOnCluster = async (dir: string): Promise<boolean> =>
  (await readCluster(dir))?.kind === 'sweep';

/**
 * Sends what is left of a sweep to `cluster`; without one, to that where it was before. Does nothing if its job is
 * under way. Errors: those of RayClient and sendWork.
 */
export async function sendSweep(
  { sweep: { dir }, isNew, memoryBytes }: PreparedSweep,
  cluster: ChosenCluster | undefined,
  options: Pick<SendOptions, 'yes' | 'json' | 'laterContents'>,
): Promise<void> {
  const file = await readCluster(dir);
  if (isRunning(file)) {
    await openCluster(file.url).version();
    return;
  }
  const client = cluster?.client ?? openCluster(file!.url);
  const settings = cluster
    ? { storage: cluster.storage, needs: { cpus: cluster.cpus ?? CPUS, memoryBytes } }
    : file!;
  try {
    await sendWork(client, toWork(await readSweep(dir), settings), options);
  } catch (error) {
    if (isNew && error instanceof UserError && error.code === 'cancelled')
      await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

function toWork(sweep: Sweep, { storage, needs }: Pick<ClusterFile, 'storage' | 'needs'>): Work {
  const { dir, spec } = sweep;
  const { tasks, next } = toTasks(sweep);
  return {
    kind: 'sweep',
    dir,
    id: spec.id,
    base: spec.base,
    runtime: spec.planned ?? 'tensorflow',
    tasks,
    next,
    needs,
    storage,
    isSent: (name) => name === 'sweep.json' || name === 'trials.jsonl' || name.startsWith('corpus/'),
  };
}

/** Where the grid itself was tried, what it still grows by. */
function toTasks(sweep: Sweep): { tasks: NewTask[]; next?: NewTask | undefined } {
  const all = sweepTasks(sweep, CHECKPOINT_SECONDS);
  return all.tasks.length > 0 ? all : { ...all, tasks: nextTasks(sweep, CHECKPOINT_SECONDS) };
}
