/** cluster.json: identifies the cluster job of a run's or sweep's directory. */
import { join } from 'node:path';
import { clusterFileSchema, type ClusterFile } from '../protocol/cluster.ts';
import { msg, UserError } from '../text/errors.ts';
import { readText } from '../platform/files/regular-file.ts';
import { writeByRename } from '../platform/files/write-file.ts';
import { parseCluster } from './ray/address.ts';
import { RayClient } from './ray/client.ts';
import { ignoreMissing } from '../runs/file-mark.ts';

const clusterPath = (dir: string) => join(dir, 'cluster.json');

/** undefined if `dir` never had a job on a cluster. Errors: run-damaged. */
export async function readCluster(dir: string): Promise<ClusterFile | undefined> {
  const text = await readText(clusterPath(dir)).catch(ignoreMissing);
  if (text === undefined) return undefined;
  try {
    return clusterFileSchema.parse(JSON.parse(text));
  } catch {
    throw new UserError(
      'run-damaged',
      msg`${clusterPath(dir)} can't be read, so the job on the cluster can't be found.`,
      msg`Restore the file from a backup; without it, start again.`,
    );
  }
}

export const writeCluster = (dir: string, file: ClusterFile): Promise<void> =>
  writeByRename(clusterPath(dir), `${JSON.stringify(file, null, 2)}\n`);

/** Whether the job is, or may be, on the cluster, and its end is not known yet. */
export const isRunning = (file: ClusterFile | undefined): file is ClusterFile =>
  file !== undefined && file.ended === undefined;

/** Takes the token from the environment, like Ray's own command line. Errors: cluster-address. */
export const openCluster = (url: string): RayClient =>
  new RayClient({ address: parseCluster(url), token: process.env['RAY_AUTH_TOKEN'] });

/** Stops the job, if it exists. Returns whether it was running. Errors: those of RayClient. */
export async function stopJob(file: ClusterFile): Promise<boolean> {
  return openCluster(file.url).stop(file.submissionId);
}
