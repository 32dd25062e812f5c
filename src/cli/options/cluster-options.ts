/** `--on`: the options by which a command runs its work on a Ray cluster. */
import type { Command } from 'commander';
import { checkStorage } from '../../cluster/job.ts';
import type { RayClient } from '../../cluster/ray/client.ts';
import { openCluster } from '../../cluster/store.ts';
import { UserError } from '../../protocol/errors.ts';
import { positive } from './numbers.ts';

export interface ClusterOptions {
  on?: string;
  storage?: string;
  cpus?: number;
}

export const addClusterOptions = (command: Command): Command =>
  command
    .option(
      '--on <address>',
      "run on a Ray cluster: the address of its dashboard, such as http://127.0.0.1:8265; RAY_AUTH_TOKEN holds the cluster's token",
    )
    .option(
      '--storage <place>',
      'with --on: where checkpoints go, so that work goes on after a lost node: a folder that all nodes share, or an address such as s3://bucket/folder',
    )
    .option(
      '--cpus <n>',
      'with --on: processors for each task (default: 2; for a trial of a sweep 1)',
      positive,
    );

/** A cluster that answers, and where its work is kept. */
export interface ChosenCluster {
  client: RayClient;
  storage: string | null;
  cpus: number | undefined;
}

/**
 * The cluster that `--on` names, asked whether it is one that can be used; undefined without `--on`. Errors:
 * bad-argument, and those of openCluster and RayClient.version.
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
