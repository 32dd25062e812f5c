/** cluster.json: by which a run's or sweep's directory knows its job on a cluster. */
import { join } from 'node:path';
import { clusterFileSchema, type ClusterFile } from '../protocol/cluster.ts';
import { msg, UserError } from '../text/errors.ts';
import { readText } from '../platform/files/regular-file.ts';
import { writeByRename } from '../platform/files/write-file.ts';
import { parseCluster } from './ray/address.ts';
import { RayClient } from './ray/client.ts';

const pathIn = (dir: string) => join(dir, 'cluster.json');

/** undefined if what is in `dir` never ran on a cluster. Errors: run-damaged. */
export async function readCluster(dir: string): Promise<ClusterFile | undefined> {
  let text: string;
  try {
    text = await readText(pathIn(dir));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return clusterFileSchema.parse(JSON.parse(text));
  } catch {
    throw new UserError(
      'run-damaged',
      msg`${pathIn(dir)} can't be read, so the job on the cluster can't be found.`,
      msg`Restore the file from a backup; without it, start again.`,
    );
  }
}

export const writeCluster = (dir: string, file: ClusterFile): Promise<void> =>
  writeByRename(pathIn(dir), `${JSON.stringify(file, null, 2)}\n`);

/** The job is on the cluster, or may be, and its end is not known here. */
export const isUnderWay = (file: ClusterFile | undefined): file is ClusterFile =>
  file !== undefined && file.ended === undefined;

/** The token comes from the environment, as Ray's own command line takes it. Errors: cluster-address. */
export const openCluster = (url: string): RayClient =>
  new RayClient({ address: parseCluster(url), token: process.env['RAY_AUTH_TOKEN'] });

/** Stops the job that `dir` has on a cluster, if it is there. Returns whether it ran. Errors: those of RayClient. */
export async function stopJob(file: ClusterFile): Promise<boolean> {
  return openCluster(file.url).stop(file.submissionId);
}
