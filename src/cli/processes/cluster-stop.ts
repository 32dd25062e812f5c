/** Stops jobs on a cluster that nobody here follows. */
import { isUnderWay, readCluster, stopJob, writeCluster } from '../../cluster/store.ts';
import { UserError } from '../../protocol/errors.ts';
import { runOwner } from '../../runs/lock.ts';
import { findSweep, type Sweep } from '../../training/sweep/store.ts';
import { printJson } from '../view/output.ts';

/**
 * Stops the job that a directory has on a cluster, unless the process that follows it will do so (`followed`). Returns
 * whether there was one to stop. Errors: those of RayClient; the job may then go on.
 */
export async function stopUnfollowed(dir: string, followed: boolean): Promise<boolean> {
  const file = await readCluster(dir);
  if (followed || !isUnderWay(file)) return false;
  await stopJob(file);
  await writeCluster(dir, { ...file, ended: 'cancelled' });
  return true;
}

/** The sweep with this id, or beginning of one, if it has a job on a cluster. "latest" means a run. */
export async function clusterSweep(wanted: string): Promise<Sweep | undefined> {
  if (wanted === 'latest') return undefined;
  try {
    const sweep = await findSweep(wanted);
    return isUnderWay(await readCluster(sweep.dir)) ? sweep : undefined;
  } catch (error) {
    // It is a run's, or several things'.
    if (error instanceof UserError && error.code === 'run-not-found') return undefined;
    throw error;
  }
}

/** Whoever follows it hears that it was stopped from the cluster. */
export async function cancelSweep({ dir, spec }: Sweep, json = false): Promise<void> {
  const file = await readCluster(dir);
  if (file) await stopJob(file);
  if (file && !(await runOwner(dir))) await writeCluster(dir, { ...file, ended: 'cancelled' });
  if (json) return printJson({ outcome: 'cancelled', dir });
  console.log(
    `Its job on the cluster is stopped; finished trials are kept. Resume it with: forget-me-not sweep --resume ${spec.id}`,
  );
}
