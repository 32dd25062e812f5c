/** Jobs on a cluster: submits them unless already running, reattaches to them, and stops them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { follow } from '../../cluster/follow.ts';
import type { Work } from '../../cluster/job.ts';
import { isRunning, openCluster, readCluster, stopJob, writeCluster } from '../../cluster/store.ts';
import { sweepsDir } from '../../platform/files/paths.ts';
import { removeFolder } from '../../platform/files/write-file.ts';
import { CLUSTER_JOB, type ClusterFile } from '../../protocol/cluster.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { findReproduction, sweepsOf, type Reproduction } from '../../reproduce/store.ts';
import { openRunWriter, queueRun, readRun, type RunWriter } from '../../runs/index.ts';
import { runOwner } from '../../runs/lock.ts';
import { findSweep, readSweep, type Sweep } from '../../training/sweep/store.ts';
import { reportError, UserError } from '../../text/errors.ts';
import type { ChosenCluster } from '../options/cluster-options.ts';
import { print, printJson } from '../view/output.ts';
import { CPUS, evaluationWork, runWork, sweepWork, type WorkSettings } from './cluster-works.ts';
import { launchTrainer, type LaunchedTrainer } from './launch.ts';
import { isRefused, sendWork, type SendOptions } from './send-work.ts';

type Consent = Pick<SendOptions, 'yes' | 'json' | 'laterContents'>;

/** Where each kind of work runs on a given cluster. `memoryBytes`: what a task needs; 0 if unknown. */
const settingsOn = (
  { storage, cpus }: ChosenCluster,
  kind: ClusterFile['kind'],
  memoryBytes: number,
): WorkSettings => ({ storage, needs: { cpus: cpus ?? CPUS[kind], memoryBytes } });

/**
 * Sends a run that was just created, and follows it. Until it is sent, this process owns it, so that nobody trains it
 * here. A run that is refused is deleted; one that can't be sent now has failed, and can be resumed. Errors: those of
 * sendWork.
 */
export async function launchOnCluster(
  dir: string,
  spec: RunSpec,
  cluster: ChosenCluster,
  options: Consent & { memoryBytes: number },
): Promise<LaunchedTrainer> {
  const { address } = cluster.client.cluster;
  const settings = settingsOn(cluster, 'train', options.memoryBytes);
  const writer = await openRunWriter(dir);
  try {
    await writer.state({ phase: 'Asking the cluster' });
    await sendWork(cluster.client, runWork(dir, spec, settings), {
      ...options,
      stopped: writer.stopped,
      onAgreed: () => writer.state({ phase: `Sending to ${address.host}` }),
    });
  } catch (error) {
    if (isRefused(error)) {
      await release(writer);
      await removeFolder(dir);
    } else await recordUnsent({ dir, writer }, error, { url: address.url, ...settings });
    throw error;
  }
  await release(writer);
  return launchTrainer(dir, 0, address.host);
}

/** Gives up a run that waits for its next owner, or is about to be deleted: nobody calls it interrupted. */
const release = (writer: RunWriter) =>
  writer.state({ queuedAt: new Date().toISOString(), phase: undefined }).finally(() => writer.close());

/** With a cluster.json, so that resuming sends the run again instead of training here. */
async function recordUnsent(
  { dir, writer }: { dir: string; writer: RunWriter },
  error: unknown,
  place: Pick<ClusterFile, 'url' | 'storage' | 'needs'>,
): Promise<void> {
  const report = reportError(error);
  const unsent = {
    version: CLUSTER_JOB,
    kind: 'train',
    submissionId: 'none',
    ended: 'failed',
    eventsBefore: 0,
  } as const;
  try {
    if (!(await readCluster(dir))) await writeCluster(dir, { ...unsent, ...place });
    await writer.event({ type: 'error', ...report });
    await writer.state({ status: 'failed', phase: undefined, error: report });
  } finally {
    await writer.close();
  }
}

/**
 * Reattaches to the job of a run, or sends the run again if its job has ended without a result; undefined if it is not
 * a run on a cluster. Errors: run-locked while it is part of a reproduction there, those of RayClient and sendWork.
 */
export async function resumeOnCluster(dir: string, options: Consent): Promise<LaunchedTrainer | undefined> {
  const file = await readCluster(dir);
  if (file?.reproduction !== undefined && isRunning(file))
    throw new UserError(
      'run-locked',
      'This run is one of a reproduction whose runs train on a cluster.',
      `Go on with "reproduce --resume ${file.reproduction}" on the command line.`,
    );
  if (file?.kind !== 'train') return undefined;
  const client = openCluster(file.url);
  // Report a wrong token or an unreachable network before anything is started.
  await client.version();
  const { spec, events } = await readRun(dir);
  if (!isRunning(file))
    await sendWork(client, runWork(dir, spec, file), { ...options, eventsBefore: events.length });
  await queueRun(dir);
  return launchTrainer(dir, events.length, client.cluster.address.host);
}

export interface PreparedSweep {
  sweep: Sweep;
  /** It was created just now, so it is deleted if the user does not want to send it. */
  isNew: boolean;
  /** What a trial needs; 0 if unknown. */
  memoryBytes: number;
}

/**
 * Sends what is left of a sweep to `cluster`, by default to the one it was on before. Does nothing if its job is
 * already running. Returns whether it was sent. Errors: those of RayClient and sendWork.
 */
export async function sendSweep(
  { sweep: { dir }, isNew, memoryBytes }: PreparedSweep,
  cluster: ChosenCluster | undefined,
  options: Consent,
): Promise<boolean> {
  const file = await readCluster(dir);
  if (isRunning(file)) {
    await openCluster(file.url).version();
    return false;
  }
  const client = cluster?.client ?? openCluster(file!.url);
  const settings = cluster ? settingsOn(cluster, 'sweep', memoryBytes) : file!;
  try {
    await sendWork(client, sweepWork(await readSweep(dir), settings), options);
  } catch (error) {
    if (isNew && isRefused(error)) await removeFolder(dir);
    throw error;
  }
  return true;
}

/**
 * Sends a run to be measured, unless a job with the same arguments is already in progress. `args`: those of the
 * evaluator, after the run's directory. Errors: bad-argument, run-locked while the run has another job, and those of
 * sendWork.
 */
export async function sendEvaluation(
  dir: string,
  args: readonly string[],
  cluster: ChosenCluster,
  options: Consent,
): Promise<void> {
  const toFile = (pair: string) => pair.replace(/^[^=]*=/, '');
  const local = args.find((pair, at) => args[at - 1] === '--data' && existsSync(toFile(pair)));
  if (local !== undefined)
    throw new UserError(
      'bad-argument',
      `--data ${local} is a file of this machine, and what is measured on a cluster reads its data there.`,
      'Name a data set on Hugging Face, or leave --on out.',
    );
  const file = await readCluster(dir);
  if (isRunning(file)) {
    if (file.kind === 'evaluate' && isDeepStrictEqual(file.args, args)) return;
    throw new UserError(
      'run-locked',
      'This run has another job on a cluster.',
      'Wait until it ends, or stop it with {cancel}.',
    );
  }
  const work: Work = await evaluationWork(dir, args, settingsOn(cluster, 'evaluate', 0));
  await sendWork(cluster.client, work, { ...options, args });
}

/** A job, and the folder with its cluster.json. */
interface FoundJob {
  dir: string;
  file: ClusterFile;
}

/** The current or last job of a reproduction: that of its runs, else that of its newest sweep. Errors: run-damaged. */
export async function findReproductionJob({ dir, state }: Reproduction): Promise<FoundJob | undefined> {
  const sweeps = sweepsOf(state).map((id) => join(sweepsDir(), id));
  const jobs: FoundJob[] = [];
  for (const folder of [dir, ...sweeps.reverse()]) {
    const file = await readCluster(folder);
    if (file) jobs.push({ dir: folder, file });
  }
  return jobs.find(({ file }) => isRunning(file)) ?? jobs[0];
}

/** A job of many tasks, and the command that resumes it. */
interface GroupJob extends FoundJob {
  command: string;
}

/** The running job of the sweep or reproduction with this id or id prefix. "latest" always means a run. */
export async function findGroupJob(wanted: string): Promise<GroupJob | undefined> {
  if (wanted === 'latest') return undefined;
  const sweep = await findSweep(wanted).catch(ifNotFound);
  const file = sweep && (await readCluster(sweep.dir));
  if (sweep && isRunning(file)) return { dir: sweep.dir, file, command: `sweep --resume ${sweep.spec.id}` };
  const repro = await findReproduction(wanted).catch(ifNotFound);
  const job = repro && (await findReproductionJob(repro));
  return job && isRunning(job.file) ? { ...job, command: `reproduce --resume ${repro.spec.id}` } : undefined;
}

/** It may be a run's id, or an ambiguous prefix. */
function ifNotFound(error: unknown): undefined {
  if (!(error instanceof UserError) || error.code !== 'run-not-found') throw error;
}

/**
 * Stops a job, and collects what its tasks have finished unless a follower does so. Errors: those of RayClient and
 * follow.
 */
export async function cancelGroupJob({ dir, file, command }: GroupJob, json = false): Promise<void> {
  await stopJob(file);
  if (!(await runOwner(dir))) await collect(dir, file);
  if (json) return printJson({ outcome: 'cancelled', dir });
  const kept = file.kind === 'sweep' ? 'trials' : 'runs';
  print(
    `Its job on the cluster is stopped; finished ${kept} are kept. Resume it with: forget-me-not ${command}`,
  );
}

/** Results produced while nobody followed are known only to the job, so this is the last chance to fetch them. */
async function collect(dir: string, file: ClusterFile): Promise<void> {
  const detach = new AbortController().signal;
  try {
    await follow({ client: openCluster(file.url), dir, file, emit: () => undefined, detach });
  } catch (error) {
    // The error of a single trial or run no longer matters.
    if (isRunning(await readCluster(dir))) throw error;
  }
}

export interface Stopped {
  kind: ClusterFile['kind'];
  /**
   * `over`: it had already ended there, and its results had not been collected yet. `given-up`: they could not be
   * fetched, and are no longer waited for.
   */
  how: 'stopped' | 'over' | 'given-up';
  /** The reproduction whose runs share the job. */
  reproduction?: string | undefined;
}

/**
 * Stops the job of a run, unless the process that follows it will do so (`followed`). Returns undefined if there was
 * none to stop. Errors: those of RayClient; the job may then still be running.
 */
export async function stopDetached(dir: string, followed: boolean): Promise<Stopped | undefined> {
  const file = await readCluster(dir);
  if (followed || !isRunning(file)) return undefined;
  const { kind, reproduction, unfetched } = file;
  const stopped = await stopJob(file);
  if (!stopped && !unfetched) return { kind, reproduction, how: 'over' };
  await writeCluster(dir, { ...file, ended: 'cancelled' });
  return { kind, reproduction, how: stopped ? 'stopped' : 'given-up' };
}

/** `wanted`: how the user named the run. */
export function describeStopped({ kind, how, reproduction }: Stopped, wanted: string): string {
  const command = kind === 'evaluate' ? `evaluate ${wanted}` : `resume ${wanted}`;
  const restartCommand = reproduction === undefined ? command : `reproduce --resume ${reproduction}`;
  const texts = {
    stopped: 'Its job on the cluster is stopped. Start it again with',
    over: 'Its job on the cluster has already ended. Take over what it made with',
    'given-up': 'Its result could not be fetched from the cluster, and is given up. Start it again with',
  };
  return `${texts[how]}: forget-me-not ${restartCommand}`;
}
