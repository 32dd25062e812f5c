/** Mirrors the runs of a reproduction, which one job trains in parallel, into their local directories. */
import { basename, join } from 'node:path';
import type { ClusterFile, DriverLine } from '../protocol/cluster.ts';
import { UserError } from '../text/errors.ts';
import { runsDir } from '../platform/files/paths.ts';
import type { ReproducerMessage } from '../protocol/reproduction.ts';
import { isAskedToStop, readRun } from '../runs/index.ts';
import { lockRun } from '../runs/lock.ts';
import { openRunWriter, type RunWriter } from '../runs/writer.ts';
import { followJob } from './follow-job.ts';
import { toUserError, jobFailure, detachUnlessStopped, Mirror, forwardStop } from './follow-run.ts';
import { isTransient } from './back-off.ts';
import type { JobState, RayClient } from './ray/client.ts';
import { fetchResult, deleteStoredResult } from './results.ts';
import { readCluster, writeCluster } from './store.ts';

interface FollowOptions {
  client: RayClient;
  /** Directory of the reproduction. */
  dir: string;
  file: ClusterFile;
  emit(message: ReproducerMessage): void;
  detach: AbortSignal;
  pollMs?: number;
}

/**
 * Follows the job to its end, or until `detach` fires. Each run ends locally as soon as its task has ended, with its
 * result or its error, which is not thrown. Errors: that of a job that ended without having tried all its runs,
 * run-locked, and those of followJob, openRunWriter and fetchResult.
 */
export async function followRunsJob(options: FollowOptions): Promise<void> {
  const { client, dir, file, emit, pollMs } = options;
  const recordEnd = (ended: NonNullable<ClusterFile['ended']>) => writeCluster(dir, { ...file, ended });
  const runs = new Map<string, FollowedRun>();
  let reportedError: UserError | undefined;
  const isStopped = async () =>
    (await Promise.all([...runs.values()].map((run) => isAskedToStop(run.dir)))).includes(true);
  const detach = detachUnlessStopped(options.detach, isStopped, pollMs);
  const lock = await lockRun(dir);
  try {
    for (const [task, id] of Object.entries(file.runs ?? {})) {
      const run = await FollowedRun.open(task, join(runsDir(), id), { ...options, detach });
      if (run) runs.set(task, run);
    }
    const job = await followJob(client, file.submissionId, {
      onLine(line) {
        if (line.type === 'failed') reportedError = toUserError(line);
        if ('id' in line) return runs.get(line.id)?.handleLine(line);
      },
      onForeignLine: (line) => console.error(line),
      onConnectionChange: (error) => error && emit({ type: 'note', message: error.message }),
      signal: detach,
      ...(pollMs !== undefined && { pollMs }),
    });
    if (!job) return;
    const failure = reportedError ?? jobFailure(client, job);
    const ended = await endAll([...runs.values()], job, failure);
    await recordEnd(ended);
    if (ended === 'failed' && failure) throw withResumeCommand(failure, basename(dir));
  } catch (error) {
    if (detach.aborted) return;
    if (error instanceof UserError && error.code === 'cluster-lost') {
      for (const run of runs.values()) await run.fail(error, 'lost');
      await recordEnd('lost');
    }
    throw error instanceof UserError ? withResumeCommand(error, basename(dir)) : error;
  } finally {
    for (const run of runs.values()) await run.close();
    await lock.release();
  }
}

/** Ends the runs that the job did not finish. Returns how the job ended. Errors: those of fetchResult. */
async function endAll(
  runs: readonly FollowedRun[],
  { status }: JobState,
  failure: UserError | undefined,
): Promise<NonNullable<ClusterFile['ended']>> {
  for (const run of runs) await run.retryFetch();
  const unfinished = runs.filter((run) => !run.ended);
  const stopped = status === 'STOPPED' || runs.some((run) => run.stopped);
  for (const run of unfinished) await (stopped ? run.cancel() : run.fail(failure));
  if (unfinished.length === 0) return 'done';
  return stopped ? 'cancelled' : 'failed';
}

/** In advice, "resume" refers to the reproduction. */
const withResumeCommand = ({ code, message, next }: UserError, id: string): UserError =>
  new UserError(code, message, next.replace('{resume}', `"reproduce --resume ${id}" on the command line`));

/** A run of the job, whose directory is owned by this process until it is closed. */
class FollowedRun {
  ended = false;
  private readonly mirror: Mirror;
  private readonly stopRequest: { end(): void };
  /** Measurements after the training that failed. */
  private readonly failedMeasurements: { of: string; message: string }[] = [];
  /** It is done on the cluster, but its result has not been fetched yet. */
  private needsFetch = false;

  private constructor(
    private readonly task: string,
    readonly dir: string,
    private readonly file: ClusterFile,
    private readonly writer: RunWriter,
    private readonly options: FollowOptions,
    events: number,
  ) {
    this.mirror = new Mirror(writer, events - file.eventsBefore);
    this.stopRequest = forwardStop(options.client, file, writer);
  }

  /** undefined if it has already ended locally, belongs to another job, or was deleted. Errors: run-locked. */
  static async open(task: string, dir: string, options: FollowOptions): Promise<FollowedRun | undefined> {
    const file = await readCluster(dir);
    if (!file || file.submissionId !== options.file.submissionId || file.ended) return undefined;
    const { events } = await readRun(dir);
    const writer = await openRunWriter(dir);
    const run = new FollowedRun(task, dir, file, writer, options, events.length);
    const cluster = options.client.cluster.address.host;
    await writer.state({ status: 'running', phase: 'Asking the cluster', cluster });
    return run;
  }

  /** Whether the run was asked to stop, which stops the job. */
  get stopped(): boolean {
    return this.writer.stopped.aborted;
  }

  async handleLine(line: DriverLine): Promise<void> {
    if (this.ended) return;
    if (line.type === 'line' && line.line.of) return this.handleMeasurement(line.line.of, line.line);
    await this.mirror.handleLine(line);
    if (line.type === 'line' && line.line.type === 'state') this.reportProgress(line.line);
    if (line.type !== 'task') return;
    if (line.message && line.status !== 'failed')
      this.options.emit({ type: 'note', message: `${this.task}: ${line.message}` });
    if (line.status === 'done') await this.finish(true);
    // A cancelled task has not failed: the job's end decides the outcome.
    else if (line.status === 'failed' && line.code !== 'cancelled') await this.fail();
  }

  /**
   * Retries fetching a result. If the cluster does not have it any more, the run fails, so that it is trained again.
   * Errors: those of fetchResult.
   */
  async retryFetch(): Promise<void> {
    if (!this.needsFetch || this.ended) return;
    try {
      await this.finish(false);
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'cluster-failed') throw error;
      await this.fail(error);
    }
  }

  async fail(of?: UserError, how: 'failed' | 'lost' = 'failed'): Promise<void> {
    if (this.ended) return;
    const error = this.mirror.failure ?? of ?? toUserError({});
    const { code, message, next } = withResumeCommand(error, this.file.reproduction ?? '');
    const report = { code, message, next };
    if (!this.mirror.failureReported) await this.writer.event({ type: 'error', ...report });
    await this.recordEnd({ status: 'failed', error: report }, how);
    this.options.emit({ type: 'run', task: this.task, status: 'failed', message });
  }

  async cancel(): Promise<void> {
    await this.recordEnd({ status: 'cancelled' }, 'cancelled');
  }

  async close(): Promise<void> {
    this.stopRequest.end();
    await this.writer.close();
  }

  private async finish(mayDefer: boolean): Promise<void> {
    const { client, detach, emit, pollMs } = this.options;
    // A trainer that succeeded has reported that and made a result.
    if (!this.mirror.done || !this.mirror.result) return this.fail();
    try {
      await this.mirror.showPhase('Fetching the result');
      await fetchResult(client, this.mirror.result, this.dir, {
        signal: detach,
        // While the job is running, don't block other runs on this result.
        stopWaiting: mayDefer ? AbortSignal.abort() : this.writer.stopped,
        onConnectionChange: (error) =>
          error && emit({ type: 'note', message: `${this.task}: ${error.message}` }),
        pollMs,
      });
    } catch (error) {
      if (!mayDefer || detach.aborted || !isTransient(error)) throw error;
      this.needsFetch = true;
      emit({ type: 'note', message: `${this.task}: ${error.message}` });
      return;
    }
    await this.mirror.finish();
    await this.recordEnd({ status: 'done' }, 'done');
    await deleteStoredResult(this.file, this.mirror.result, this.dir);
    emit({ type: 'run', task: this.task, status: 'done' });
    for (const { of, message } of this.failedMeasurements)
      emit({ type: 'leftOut', task: this.task, of, message });
  }

  private async handleMeasurement(of: string, line: { type: string }): Promise<void> {
    const { phase, message } = line as { phase?: string; message?: string };
    if (line.type === 'failed') this.failedMeasurements.push({ of, message: message ?? `${of} failed.` });
    else if (line.type === 'progress') await this.mirror.showPhase(phase ?? 'Measuring the spectrum');
  }

  private reportProgress(state: object): void {
    const { step, steps, phase } = state as { step?: number; steps?: number; phase?: string };
    this.options.emit({
      type: 'progress',
      task: this.task,
      ...(step !== undefined && { step }),
      ...(steps !== undefined && { steps }),
      ...(phase !== undefined && { phase }),
    });
  }

  private async recordEnd(
    state: Parameters<RunWriter['state']>[0],
    ended: NonNullable<ClusterFile['ended']>,
  ): Promise<void> {
    this.ended = true;
    await this.writer.state({ ...state, phase: undefined, etaSeconds: undefined });
    await writeCluster(this.dir, { ...this.file, ended });
    await this.close();
  }
}
