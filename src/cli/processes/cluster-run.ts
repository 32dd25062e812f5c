/** Runs that train on a cluster: sent, followed, attached to again. */
import { rm } from 'node:fs/promises';
import type { NewTask, Work } from '../../cluster/job.ts';
import type { RayClient } from '../../cluster/ray/client.ts';
import { isRunning, openCluster, readCluster, writeCluster } from '../../cluster/store.ts';
import { CLUSTER_JOB, type ClusterFile } from '../../protocol/cluster.ts';
import { reportError, UserError } from '../../text/errors.ts';
import {
  EARLIER_ADAPTER,
  RAY_TRAIN,
  type RayTrainEngine,
  type RunSpec,
  type RunState,
} from '../../protocol/run.ts';
import { openRunWriter, queueRun, readRun } from '../../runs/index.ts';
import { launchTrainer, type LaunchedTrainer } from './launch.ts';
import { sendWork } from './send-work.ts';
import type { ChosenCluster } from '../options/cluster-options.ts';

interface Consent {
  yes?: boolean | undefined;
  json?: boolean | undefined;
}

/** Processors of a training there, unless a person says otherwise. */
const CPUS = 2;

/**
 * Sends a run that was just created, and follows it. A run that the person does not want to send is deleted; one that
 * can't be sent has failed, and can be resumed. Errors: those of sendWork.
 */
export async function launchOnCluster(
  dir: string,
  spec: RunSpec,
  { client, storage, cpus }: ChosenCluster,
  options: Consent & { memoryBytes: number },
): Promise<LaunchedTrainer> {
  const needs = { cpus: cpus ?? CPUS, memoryBytes: options.memoryBytes };
  try {
    await sendWork(client, toWork(dir, spec, { storage, needs }), options);
  } catch (error) {
    if (error instanceof UserError && error.code === 'cancelled')
      await rm(dir, { recursive: true, force: true });
    else await recordFailure(dir, error, unsentFile(client, { storage, needs }));
    throw error;
  }
  return launchTrainer(dir, 0, client.cluster.address.host);
}

/**
 * Attaches to the job of a run again, or sends the run again if its job has ended without a result; undefined if it is
 * no run of a cluster. Errors: run-locked while it is part of a reproduction there, those of RayClient and sendWork.
 */
export async function resumeOnCluster(dir: string, options: Consent): Promise<LaunchedTrainer | undefined> {
  const file = await readCluster(dir);
  if (file?.reproduction !== undefined && isRunning(file)) throw isOfReproduction(file.reproduction);
  if (file?.kind !== 'train') return undefined;
  const client = openCluster(file.url);
  // What is wrong with the token or the network is said before anything is started.
  await client.version();
  const { spec, events } = await readRun(dir);
  if (!isRunning(file))
    await sendWork(client, toWork(dir, spec, file), { ...options, eventsBefore: events.length });
  await queueRun(dir);
  return launchTrainer(dir, events.length, client.cluster.address.host);
}

const isOfReproduction = (id: string) =>
  new UserError(
    'run-locked',
    'This run is one of a reproduction whose runs train on a cluster.',
    `Go on with "reproduce --resume ${id}" on the command line.`,
  );

function toWork(
  dir: string,
  spec: RunSpec,
  { storage, needs }: Pick<ClusterFile, 'storage' | 'needs'>,
): Work {
  return {
    kind: 'train',
    dir,
    id: spec.id,
    base: spec.base,
    runtime: spec.planned ?? 'tensorflow',
    tasks: [{ id: 'train', argv: ['trainer.mjs', '{folder}'], ...(spec.engine && onRay(spec.engine)) }],
    needs,
    storage,
    isSent: (name) => name === 'run.json' || name === EARLIER_ADAPTER || name.startsWith('corpus/'),
    overrides: initialFiles(spec),
  };
}

/** A training by Ray Train starts workers beside its task. */
const onRay = ({ workers, cpus = 1, gpus }: RayTrainEngine): Pick<NewTask, 'shares' | 'workers'> => ({
  shares: [RAY_TRAIN],
  workers: { count: workers, cpus, gpus: gpus ? 1 : 0 },
});

/** The files of a run's progress as they were created, so that the package is the same each time it is sent. */
export function initialFiles({ hyper }: Pick<RunSpec, 'hyper'>): Record<string, string> {
  const state: RunState = { status: 'queued', step: 0, steps: hyper.steps };
  return { 'state.json': `${JSON.stringify(state, null, 2)}\n`, 'events.jsonl': '' };
}

/** So that resuming sends it again, and does not train here. */
const unsentFile = (client: RayClient, settings: Pick<ClusterFile, 'storage' | 'needs'>): ClusterFile => ({
  version: CLUSTER_JOB,
  kind: 'train',
  url: client.cluster.address.url,
  ...settings,
  submissionId: 'none',
  ended: 'failed',
  eventsBefore: 0,
});

async function recordFailure(dir: string, error: unknown, file: ClusterFile): Promise<void> {
  const report = reportError(error);
  const writer = await openRunWriter(dir);
  try {
    if (!(await readCluster(dir))) await writeCluster(dir, file);
    await writer.event({ type: 'error', ...report });
    await writer.state({ status: 'failed', error: report });
  } finally {
    await writer.close();
  }
}
