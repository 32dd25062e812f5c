/** `--on`: the Ray cluster on which a command runs its work. */
import { checkStorage } from '../../cluster/job.ts';
import type { RayClient } from '../../cluster/ray/client.ts';
import { openCluster } from '../../cluster/store.ts';
import { UserError } from '../../text/errors.ts';
import type { ClusterOptions } from '../../training/options/place.ts';

/** A reachable cluster, and the storage of its jobs. */
export interface ChosenCluster {
  client: RayClient;
  storage: string | null;
  cpus: number | undefined;
}

/**
 * The cluster named by `--on`, after checking that it is usable; undefined without `--on`. Errors: bad-argument, and
 * those of openCluster and RayClient.version.
 */
export async function chosenCluster({
  on,
  storage,
  cpus,
}: ClusterOptions): Promise<ChosenCluster | undefined> {
  if (on === undefined) {
    const given = storage === undefined ? cpus !== undefined && '--cpus' : '--storage';
    if (!given) return undefined;
    throw new UserError(
      'bad-argument',
      `${given} is for work on a cluster, and no cluster is named.`,
      'Give --on with the address of its dashboard.',
    );
  }
  const client = openCluster(on);
  await client.version();
  return { client, storage: storage === undefined ? null : checkStorage(storage), cpus };
}
