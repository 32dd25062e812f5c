/** Stops jobs on a cluster that nobody here follows. */
import { follow } from '../../cluster/follow.ts';
import { isRunning, openCluster, readCluster, stopJob, writeCluster } from '../../cluster/store.ts';
import type { ClusterFile } from '../../protocol/cluster.ts';
import { UserError } from '../../text/errors.ts';
import { runOwner } from '../../runs/lock.ts';
import { findSweep, type Sweep } from '../../training/sweep/store.ts';
import { print, printJson } from '../view/output.ts';

export interface Stopped {
  kind: ClusterFile['kind'];
  /** `over`: it had ended there already, and what it made is still to be taken over. */
  how: 'stopped' | 'over';
  /** Whose runs share the job. */
  reproduction?: string | undefined;
}

/**
 * Stops the job that a directory has on a cluster, unless the process that follows it will do so (`followed`). Returns
 * undefined if there was none to stop. Errors: those of RayClient; the job may then go on.
 */
export async function stopDetached(dir: string, followed: boolean): Promise<Stopped | undefined> {
  const file = await readCluster(dir);
  if (followed || !isRunning(file)) return undefined;
  const { kind, reproduction } = file;
  if (!(await stopJob(file))) return { kind, reproduction, how: 'over' };
  await writeCluster(dir, { ...file, ended: 'cancelled' });
  return { kind, reproduction, how: 'stopped' };
}

/** What a person is told; `wanted`: how they named the run. */
export function describeStopped({ kind, how, reproduction }: Stopped, wanted: string): string {
  const command = kind === 'evaluate' ? `evaluate ${wanted}` : `resume ${wanted}`;
  const restartCommand = reproduction === undefined ? command : `reproduce --resume ${reproduction}`;
  return how === 'over'
    ? `Its job on the cluster has already ended. Take over what it made with: forget-me-not ${restartCommand}`
    : `Its job on the cluster is stopped. Start it again with: forget-me-not ${restartCommand}`;
}

/** The sweep with this id, or id prefix, if it has a job on a cluster. */
export const clusterSweep = (wanted: string): Promise<Sweep | undefined> =>
  ifRunning(wanted, findSweep, ({ dir }) => readCluster(dir));

/** What `find` finds if its job is under way on a cluster. "latest" means a run. */
export async function ifRunning<T>(
  wanted: string,
  find: (wanted: string) => Promise<T>,
  findJob: (found: T) => Promise<ClusterFile | undefined>,
): Promise<T | undefined> {
  if (wanted === 'latest') return undefined;
  try {
    const found = await find(wanted);
    return isRunning(await findJob(found)) ? found : undefined;
  } catch (error) {
    // It is a run's, or several things'.
    if (error instanceof UserError && error.code === 'run-not-found') return undefined;
    throw error;
  }
}

/** Whoever follows it hears that it was stopped from the cluster. Errors: those of RayClient and follow. */
export async function cancelSweep(
  { dir, spec }: Sweep,
  {
    json = false,
    restartCommand = `sweep --resume ${spec.id}`,
  }: { json?: boolean | undefined; restartCommand?: string } = {},
): Promise<void> {
  const file = await readCluster(dir);
  if (file) await stopJob(file);
  if (file && !(await runOwner(dir))) await takeOver(dir, file);
  if (json) return printJson({ outcome: 'cancelled', dir });
  print(
    `Its job on the cluster is stopped; finished trials are kept. Resume it with: forget-me-not ${restartCommand}`,
  );
}

/** What was made while nobody followed is known only to the job, which nobody would ask again. */
export async function takeOver(dir: string, file: ClusterFile): Promise<void> {
  const detach = new AbortController().signal;
  try {
    await follow({ client: openCluster(file.url), dir, file, emit: () => undefined, detach });
  } catch (error) {
    // What a trial or a run failed with matters no more.
    if (isRunning(await readCluster(dir))) throw error;
  }
}
