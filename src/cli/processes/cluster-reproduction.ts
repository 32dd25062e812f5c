/** Reproductions whose sweep and runs are on a cluster: sent, followed, attached to again, stopped. */
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { NewTask, Work, WorkRun } from '../../cluster/job.ts';
import { isRunning, openCluster, readCluster, stopJob } from '../../cluster/store.ts';
import { FOLDER_PLACE, type ClusterFile } from '../../protocol/cluster.ts';
import { UserError } from '../../text/errors.ts';
import { runsDir, sweepsDir } from '../../platform/files/paths.ts';
import { reproducerMessageSchema, type Method } from '../../protocol/reproduction.ts';
import { sweeperMessageSchema } from '../../protocol/sweep.ts';
import type { ClusterLauncher, ClusterRun } from '../../reproduce/on-cluster.ts';
import {
  corpusDir,
  findReproduction,
  instructDir,
  sweepsOf,
  type Reproduction,
} from '../../reproduce/store.ts';
import { queueRun, readRun } from '../../runs/index.ts';
import { runOwner } from '../../runs/lock.ts';
import { readSweep } from '../../training/sweep/store.ts';
import type { ChosenCluster } from '../options/cluster-options.ts';
import { note, print, printJson } from '../view/output.ts';
import { initialFiles } from './cluster-run.ts';
import { cancelSweep, ifRunning, takeOver } from './cluster-stop.ts';
import { sendSweep } from './cluster-sweep.ts';
import { followChild } from './follow-child.ts';
import { reproduceMakers, trialPhase } from './reproduce-launcher.ts';
import { sendWork } from './send-work.ts';

/** Processors of each run there, unless a person says otherwise. */
const CPUS = 2;
/** Folders of a reproduction. */
const CORPUS = basename(corpusDir(''));
const INSTRUCTIONS = basename(instructDir(''));

export interface ClusterReproductionOptions {
  /** The cluster that was named; without one, where it was before. */
  cluster: ChosenCluster | undefined;
  /** What a run of each method needs; 0 if that is not known. */
  memoryBytes: Record<Method, number>;
  yes?: boolean | undefined;
  json?: boolean | undefined;
  verbose?: boolean | undefined;
}

/** The job that a reproduction has, or had last: its runs', else its newest sweep's. Errors: run-damaged. */
async function findJob({ dir, state }: Reproduction): Promise<ClusterFile | undefined> {
  const folders = sweepsOf(state).map((id) => join(sweepsDir(), id));
  const files: ClusterFile[] = [];
  for (const folder of [dir, ...folders.reverse()]) {
    const file = await readCluster(folder);
    if (file) files.push(file);
  }
  return files.find(isRunning) ?? files[0];
}

/** Whether its job is under way on a cluster. Errors: run-damaged. */
export const isOnCluster = async (repro: Reproduction): Promise<boolean> => isRunning(await findJob(repro));

/** Deletes a reproduction of which nothing was sent, with its sweep. */
export async function deleteUnsent({ dir, state }: Reproduction): Promise<void> {
  const sweeps = sweepsOf(state).map((id) => join(sweepsDir(), id));
  if (Object.keys(state.runs).length > 0) return;
  for (const sweep of sweeps) if (await readCluster(sweep)) return;
  for (const folder of [...sweeps, dir]) await rm(folder, { recursive: true, force: true });
}

/** Errors: bad-argument if the cluster is unknown. */
export async function clusterLauncher(
  repro: Reproduction,
  options: ClusterReproductionOptions,
): Promise<ClusterLauncher> {
  const { dir, spec } = repro;
  const { cluster, memoryBytes, json, verbose } = options;
  if (!cluster && !(await findJob(repro)))
    throw new UserError(
      'bad-argument',
      `Nothing of reproduction ${spec.id} was sent to a cluster yet.`,
      'Give --on with the address of its dashboard.',
    );
  // Consent to sending the corpus for the sweep covers the runs.
  let agreed = options.yes ?? false;
  const runtime = spec.backend === 'auto' ? 'tensorflow' : spec.backend;
  return {
    ...reproduceMakers(repro, runtime),
    isRunning: async () => isRunning(await readCluster(dir)),
    async sweep(sweepDir, signal, onPhase) {
      const prepared = { sweep: await readSweep(sweepDir), isNew: false, memoryBytes: memoryBytes.full };
      const wasRunning = isRunning(await readCluster(sweepDir));
      const announced =
        'The runs follow when the trials are done, with the same corpus and their own settings';
      await sendSweep(prepared, cluster, { yes: agreed, json, laterContents: announced });
      agreed ||= !wasRunning;
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
        const before = await findJob(repro);
        const client = cluster?.client ?? openCluster(before!.url);
        const storage = cluster ? cluster.storage : before!.storage;
        const earlier = before?.kind === 'reproduce' ? before.needs.cpus : undefined;
        const cpus = cluster?.cpus ?? earlier ?? CPUS;
        const work = await toWork(repro, runs, { cpus, storage, memoryBytes, runtime });
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

interface How {
  cpus: number;
  storage: string | null;
  memoryBytes: Record<Method, number>;
  runtime: Work['runtime'];
}

async function toWork(
  { dir, spec }: Reproduction,
  runs: readonly ClusterRun[],
  { cpus, storage, memoryBytes, runtime }: How,
): Promise<Work> {
  const sent = await Promise.all(runs.map(toWorkRun));
  const corpora = [CORPUS, ...(runs.some(({ instruct }) => instruct) ? [INSTRUCTIONS] : [])];
  return {
    kind: 'reproduce',
    dir,
    id: spec.id,
    base: spec.base,
    runtime,
    tasks: runs.map((run): NewTask => toTask(run, memoryBytes)),
    needs: { cpus, memoryBytes: memoryBytes.full },
    storage,
    isSent: (name) => corpora.some((corpus) => name.startsWith(`${corpus}/`)),
    runs: sent,
  };
}

const toTask = ({ name, id, method, instruct, then }: ClusterRun, memoryBytes: Record<Method, number>) => ({
  id: name,
  argv: ['trainer.mjs', FOLDER_PLACE],
  ...(then.length > 0 && { then }),
  folder: id,
  corpus: instruct ? INSTRUCTIONS : CORPUS,
  // A local run drops them as well.
  leaves: ['checkpoints'],
  memoryBytes: memoryBytes[method],
});

async function toWorkRun({ name, id }: ClusterRun): Promise<WorkRun> {
  const dir = join(runsDir(), id);
  const { spec, events } = await readRun(dir);
  return {
    task: name,
    id,
    dir,
    files: {
      'run.json': await readFile(join(dir, 'run.json'), 'utf8'),
      ...initialFiles(spec),
    },
    eventsBefore: events.length,
  };
}

/** The reproduction with this id, or id prefix, if it has a job on a cluster. */
export const clusterReproduction = (wanted: string): Promise<Reproduction | undefined> =>
  ifRunning(wanted, findReproduction, findJob);

/** Stops its job; trials and runs that ended before are taken over. Errors: those of RayClient and follow. */
export async function cancelReproduction({ dir, spec, state }: Reproduction, json = false): Promise<void> {
  const command = `reproduce --resume ${spec.id}`;
  const file = await readCluster(dir);
  if (!isRunning(file))
    return cancelSweep(await readSweep(join(sweepsDir(), sweepsOf(state).at(-1)!)), {
      json,
      restartCommand: command,
    });
  await stopJob(file);
  if (!(await runOwner(dir))) await takeOver(dir, file);
  if (json) return printJson({ outcome: 'cancelled', dir });
  print(
    `Its job on the cluster is stopped; finished runs are kept. Resume it with: forget-me-not ${command}`,
  );
}
