/** Mirrors the runs of a reproduction, which one job trains in parallel, into their local directories. */
import { basename, join } from 'node:path';
import type { DriverLine } from '../protocol/cluster.ts';
import { UserError } from '../text/errors.ts';
import { runsDir } from '../platform/files/paths.ts';
import { isStopRequested } from '../runs/index.ts';
import { lockRun } from '../runs/lock.ts';
import { toUserError, conclude, jobFailure, withResume } from './mirror.ts';
import type { FollowOptions, Mirror, Outcome } from './mirror.ts';
import { detachUnlessStopped, RunMirror } from './mirror-run.ts';
import { isTransient } from './back-off.ts';
import type { JobState } from './ray/client.ts';
import { readCluster } from './store.ts';

/**
 * Each run ends locally as soon as its task has ended, with its result or its error, which is not thrown: only the error
 * of a job that ended without having tried all its runs is.
 */
export async function mirrorRuns(options: FollowOptions): Promise<Mirror> {
  const { client, dir, file, emit, pollMs } = options;
  const runs = new Map<string, FollowedRun>();
  const isStopped = async () =>
    (await Promise.all([...runs.values()].map((run) => run.isAskedToStop()))).includes(true);
  const detach = detachUnlessStopped(options.detach, isStopped, pollMs);
  const lock = await lockRun(dir);
  const close = async () => {
    for (const run of runs.values()) await run.close();
    await lock.release();
  };
  try {
    for (const [task, id] of Object.entries(file.runs ?? {})) {
      const run = await FollowedRun.open(task, join(runsDir(), id), { ...options, detach });
      if (run) runs.set(task, run);
    }
  } catch (error) {
    await close();
    throw error;
  }
  let reportedError: UserError | undefined;
  return {
    detach,
    resume: resumeCommand(basename(dir)),
    handleLine(line) {
      if (line.type === 'failed') reportedError = toUserError(line);
      if ('id' in line) return runs.get(line.id)?.handleLine(line);
    },
    showConnection: (error) => error && emit({ type: 'note', message: error.message }),
    async finish(job) {
      const failure = reportedError ?? jobFailure(client, job);
      const ended = await endAll([...runs.values()], job, failure);
      return { ended, ...(ended === 'failed' && { failure }) };
    },
    async recordOutcome({ ended, failure }) {
      if (ended === 'lost') for (const run of runs.values()) await run.fail(failure, 'lost');
    },
    close,
  };
}

/** Ends the runs that the job did not finish. Returns how the job ended. Errors: those of fetchResult. */
async function endAll(
  runs: readonly FollowedRun[],
  { status }: JobState,
  failure: UserError | undefined,
): Promise<NonNullable<Outcome['ended']>> {
  for (const run of runs) await run.retryFetch();
  const unfinished = runs.filter((run) => !run.ended);
  const stopped = status === 'STOPPED' || runs.some((run) => run.stopped);
  for (const run of unfinished) await (stopped ? run.cancel() : run.fail(failure));
  if (unfinished.length === 0) return 'done';
  return stopped ? 'cancelled' : 'failed';
}

const resumeCommand = (id: string) => `"reproduce --resume ${id}" on the command line`;

/** A run of the job, whose directory is owned by this process until it is closed. */
class FollowedRun {
  ended = false;
  /** Measurements after the training that failed. */
  private readonly failedMeasurements: { of: string; message: string }[] = [];
  /** It is done on the cluster, but its result has not been fetched yet. */
  private needsFetch = false;

  private constructor(
    private readonly task: string,
    /** With the run's own directory and file. */
    private readonly options: FollowOptions,
    private readonly mirror: RunMirror,
  ) {}

  /** undefined if it has already ended locally, belongs to another job, or was deleted. Errors: run-locked. */
  static async open(task: string, dir: string, options: FollowOptions): Promise<FollowedRun | undefined> {
    const file = await readCluster(dir);
    if (!file || file.submissionId !== options.file.submissionId || file.ended) return undefined;
    const own = { ...options, dir, file };
    return new FollowedRun(task, own, await RunMirror.open(own, resumeCommand(file.reproduction ?? '')));
  }

  /** Whether it is asked to stop, which its writer may not have noticed yet. */
  isAskedToStop(): Promise<boolean> {
    return isStopRequested(this.options.dir);
  }

  get stopped(): boolean {
    return this.mirror.stopped.aborted;
  }

  async handleLine(line: DriverLine): Promise<void> {
    if (this.ended) return;
    if (line.type === 'line' && line.line.of) return this.handleMeasurement(line.line.of, line.line);
    await this.mirror.handleLine(line);
    if (line.type === 'line' && line.line.type === 'state') this.reportProgress(line.line);
    if (line.type !== 'task') return;
    if (line.message && line.status !== 'failed') this.note(line);
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

  async fail(of?: UserError, ended: 'failed' | 'lost' = 'failed'): Promise<void> {
    if (this.ended) return;
    const failure = withResume(this.mirror.failure ?? of ?? toUserError({}), this.mirror.resume);
    await this.end({ ended, failure });
    this.options.emit({ type: 'run', task: this.task, status: 'failed', message: failure.message });
  }

  async cancel(): Promise<void> {
    await this.end({ ended: 'cancelled' });
  }

  async close(): Promise<void> {
    await this.mirror.close();
  }

  private async finish(mayDefer: boolean): Promise<void> {
    const { mirror, task } = this;
    const { detach, emit } = this.options;
    // A trainer that succeeded has reported that and made a result.
    if (!mirror.done || !mirror.result) return this.fail();
    try {
      // While the job is running, don't block other runs on this result.
      await mirror.fetch(
        mayDefer ? AbortSignal.abort() : mirror.stopped,
        (error) => error && this.note(error),
      );
    } catch (error) {
      if (!mayDefer || detach.aborted || !isTransient(error)) throw error;
      this.needsFetch = true;
      this.note(error);
      return;
    }
    await this.end({ ended: 'done' });
    emit({ type: 'run', task, status: 'done' });
    for (const { of, message } of this.failedMeasurements) emit({ type: 'leftOut', task, of, message });
  }

  private async handleMeasurement(of: string, line: { type: string }): Promise<void> {
    const { phase, message } = line as { phase?: string; message?: string };
    if (line.type === 'failed') this.failedMeasurements.push({ of, message: message ?? `${of} failed.` });
    else if (line.type === 'progress') await this.mirror.showPhase(phase ?? 'Measuring the spectrum');
  }

  private note({ message }: { message?: string | undefined }): void {
    this.options.emit({ type: 'note', message: `${this.task}: ${message}` });
  }

  private reportProgress(state: object): void {
    const { step, steps, phase } = state as { step?: number; steps?: number; phase?: string };
    this.options.emit({ type: 'progress', task: this.task, step, steps, phase });
  }

  private async end(outcome: Outcome): Promise<void> {
    this.ended = true;
    await conclude(this.mirror, this.options, outcome);
    await this.close();
  }
}
