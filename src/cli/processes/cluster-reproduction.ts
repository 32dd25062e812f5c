/** Reproductions whose sweep and runs take place on a cluster. */
import { join } from 'node:path';
import { isRunning, openCluster, readCluster } from '../../cluster/store.ts';
import { UserError } from '../../text/errors.ts';
import { sweepsDir } from '../../platform/files/paths.ts';
import { removeFolder } from '../../platform/files/write-file.ts';
import { reproducerMessageSchema, type Method } from '../../protocol/reproduction.ts';
import { sweeperMessageSchema } from '../../protocol/sweep.ts';
import type { ClusterLauncher } from '../../reproduce/on-cluster.ts';
import { sweepsOf, type Reproduction } from '../../reproduce/store.ts';
import { queueRun } from '../../runs/index.ts';
import { readSweep } from '../../training/sweep/store.ts';
import type { ChosenCluster } from '../options/cluster-options.ts';
import { note } from '../view/output.ts';
import { findReproductionJob, sendSweep } from './cluster-job.ts';
import { CPUS, reproductionWork } from './cluster-works.ts';
import { followChild } from './follow-child.ts';
import { reproduceMakers, trialPhase } from './reproduce-launcher.ts';
import { sendWork } from './send-work.ts';

export interface ClusterReproductionOptions {
  /** The given cluster; by default the one it was on before. */
  cluster: ChosenCluster | undefined;
  /** What a run of each method needs; 0 if unknown. */
  memoryBytes: Record<Method, number>;
  yes?: boolean | undefined;
  json?: boolean | undefined;
  verbose?: boolean | undefined;
}

/** Whether its job is running on a cluster. Errors: run-damaged. */
export const isOnCluster = async (repro: Reproduction): Promise<boolean> =>
  isRunning((await findReproductionJob(repro))?.file);

/** Deletes a reproduction of which nothing was submitted, together with its sweep. */
export async function deleteUnsent({ dir, state }: Reproduction): Promise<void> {
  const sweeps = sweepsOf(state).map((id) => join(sweepsDir(), id));
  if (Object.keys(state.runs).length > 0) return;
  for (const sweep of sweeps) if (await readCluster(sweep)) return;
  for (const folder of [...sweeps, dir]) await removeFolder(folder);
}

/** Errors: bad-argument if the cluster is unknown. */
export async function clusterLauncher(
  repro: Reproduction,
  { cluster, memoryBytes, yes: agreed = false, json, verbose }: ClusterReproductionOptions,
): Promise<ClusterLauncher> {
  const { dir, spec } = repro;
  if (!cluster && !(await findReproductionJob(repro)))
    throw new UserError(
      'bad-argument',
      `Nothing of reproduction ${spec.id} was sent to a cluster yet.`,
      'Give --on with the address of its dashboard.',
    );
  return {
    ...reproduceMakers(repro, spec.backend === 'auto' ? 'tensorflow' : spec.backend),
    isRunning: async () => isRunning(await readCluster(dir)),
    async sweep(sweepDir, signal, onPhase) {
      const prepared = { sweep: await readSweep(sweepDir), isNew: false, memoryBytes: memoryBytes.full };
      const laterContents =
        'The runs follow when the trials are done, with the same corpus and their own settings';
      // Consent to sending the corpus for the sweep covers the runs.
      if (await sendSweep(prepared, cluster, { yes: agreed, json, laterContents })) agreed = true;
      await followChild('cluster-follower', [sweepDir], {
        schema: sweeperMessageSchema,
        signal,
        verbose,
        onMessage(message) {
          if (message.type === 'progress') onPhase(trialPhase(message));
          else if (message.type === 'note') note(message.message);
        },
      });
    },
    async runs(runs, signal, onMessage) {
      const file = await readCluster(dir);
      if (isRunning(file)) await openCluster(file.url).version();
      else {
        const { file: before } = (await findReproductionJob(repro)) ?? {};
        const { client, storage } = cluster ?? { client: openCluster(before!.url), storage: before!.storage };
        const earlier = before?.kind === 'reproduce' ? before.needs.cpus : undefined;
        const needs = { cpus: cluster?.cpus ?? earlier ?? CPUS.reproduce, memoryBytes: memoryBytes.full };
        const work = await reproductionWork(repro, runs, memoryBytes, { storage, needs });
        await sendWork(client, work, { yes: agreed, json });
        for (const run of work.runs!) await queueRun(run.dir);
      }
      await followChild('cluster-follower', [dir], {
        schema: reproducerMessageSchema,
        onMessage,
        signal,
        verbose,
      });
    },
  };
}
