/** Mirrors the runs that one job trains beside each other, those of a reproduction, into their directories here. */
import { basename, join } from 'node:path';
import type { ClusterFile, DriverLine } from '../protocol/cluster.ts';
import { reportError, UserError } from '../text/errors.ts';
import { runsDir } from '../platform/files/paths.ts';
import type { ReproducerMessage } from '../protocol/reproduction.ts';
import { isAskedToStop, readRun } from '../runs/index.ts';
import { lockRun } from '../runs/lock.ts';
import { openRunWriter, type RunWriter } from '../runs/writer.ts';
import { followJob } from './follow-job.ts';
import { asError, failureOf, leaveUnlessStopped, Mirror, stopWhenAsked } from './follow-run.ts';
import { mayPass } from './patience.ts';
import type { JobState, RayClient } from './ray/client.ts';
import { fetchResult, forgetResult } from './results.ts';
import { readCluster, writeCluster } from './store.ts';
import { withValue } from '../text/message.ts';

interface Following {
  client: RayClient;
  /** The reproduction's. */
  dir: string;
  file: ClusterFile;
  say(message: ReproducerMessage): void;
  detach: AbortSignal;
  lookMs?: number;
}

/**
 * Follows the job to its end, or until `detach` fires. Each run ends here as soon as its task has, with its result or
 * with its error, which is not thrown. Errors: that of a job which ended without having tried all its runs, run-locked,
 * and those of followJob, openRunWriter and fetchResult.
 */
export async function followRunsJob(following: Following): Promise<void> {
  const { client, dir, file, say, lookMs } = following;
  const end = (ended: NonNullable<ClusterFile['ended']>) => writeCluster(dir, { ...file, ended });
  const runs = new Map<string, FollowedRun>();
  let said: UserError | undefined;
  const isStopped = async () =>
    (await Promise.all([...runs.values()].map((run) => isAskedToStop(run.dir)))).includes(true);
  const detach = leaveUnlessStopped(following.detach, isStopped, lookMs);
  const lock = await lockRun(dir);
  try {
    for (const [task, id] of Object.entries(file.runs ?? {})) {
      const run = await FollowedRun.open(task, join(runsDir(), id), { ...following, detach });
      if (run) runs.set(task, run);
    }
    const job = await followJob(client, file.submissionId, {
      onLine(line) {
        if (line.type === 'failed') said = asError(line);
        if ('id' in line) return runs.get(line.id)?.take(line);
      },
      onOther: (line) => console.error(line),
      onTrouble: (error) => error && say({ type: 'note', message: error.message }),
      signal: detach,
      ...(lookMs !== undefined && { lookMs }),
    });
    if (!job) return;
    const failure = said ?? failureOf(client, job);
    const ended = await endAll([...runs.values()], job, failure);
    await end(ended);
    if (ended === 'failed' && failure) throw withCommand(failure, basename(dir));
  } catch (error) {
    if (detach.aborted) return;
    if (error instanceof UserError && error.code === 'cluster-lost') {
      for (const run of runs.values()) await run.fail(error, 'lost');
      await end('lost');
    }
    throw error instanceof UserError ? withCommand(error, basename(dir)) : error;
  } finally {
    for (const run of runs.values()) await run.close();
    await lock.release();
  }
}

/** Ends what the job has left of its runs. Returns how the job ended. Errors: those of fetchResult. */
async function endAll(
  runs: readonly FollowedRun[],
  { status }: JobState,
  failure: UserError | undefined,
): Promise<NonNullable<ClusterFile['ended']>> {
  for (const run of runs) await run.fetchAgain();
  const left = runs.filter((run) => !run.ended);
  const stopped = status === 'STOPPED' || runs.some((run) => run.stopped);
  for (const run of left) await (stopped ? run.cancel() : run.fail(failure));
  if (left.length === 0) return 'done';
  return stopped ? 'cancelled' : 'failed';
}

/** Where a text says "resume", the reproduction is meant. */
const withCommand = ({ code, what, whatNext }: UserError, id: string): UserError =>
  new UserError(code, what, withValue(whatNext, 'resume', `"reproduce --resume ${id}" on the command line`));

/** A run of the job, whose directory is this process's until it is closed. */
class FollowedRun {
  ended = false;
  private readonly mirror: Mirror;
  private readonly stopping: { end(): void };
  /** What further programs could not do. */
  private readonly leftOut: { of: string; message: string }[] = [];
  /** It is done there, and its result is not here yet. */
  private unfetched = false;

  private constructor(
    private readonly task: string,
    readonly dir: string,
    private readonly file: ClusterFile,
    private readonly writer: RunWriter,
    private readonly following: Following,
    events: number,
  ) {
    this.mirror = new Mirror(writer, events - file.eventsBefore);
    this.stopping = stopWhenAsked(following.client, file, writer);
  }

  /** undefined if it ended here already, belongs to another job, or was deleted. Errors: run-locked. */
  static async open(task: string, dir: string, following: Following): Promise<FollowedRun | undefined> {
    const file = await readCluster(dir);
    if (!file || file.submissionId !== following.file.submissionId || file.ended) return undefined;
    const { events } = await readRun(dir);
    const writer = await openRunWriter(dir);
    const run = new FollowedRun(task, dir, file, writer, following, events.length);
    const cluster = following.client.cluster.address.host;
    await writer.state({ status: 'running', phase: 'Asking the cluster', cluster });
    return run;
  }

  /** Somebody asked for the run to be stopped, which stops the job. */
  get stopped(): boolean {
    return this.writer.stopped.aborted;
  }

  async take(line: DriverLine): Promise<void> {
    if (this.ended) return;
    if (line.type === 'line' && line.line.of) return this.takeFurther(line.line.of, line.line);
    await this.mirror.take(line);
    if (line.type === 'line' && line.line.type === 'state') this.tell(line.line);
    if (line.type !== 'task') return;
    if (line.message && line.status !== 'failed')
      this.following.say({ type: 'note', message: `${this.task}: ${line.message}` });
    if (line.status === 'done') await this.finish(true);
    // One that was cancelled has not failed: how the job ends says what became of it.
    else if (line.status === 'failed' && line.code !== 'cancelled') await this.fail();
  }

  /**
   * Fetches a result that could not be fetched when it was made. One that the cluster does not have any more is the
   * run's failure, so that it is made again. Errors: those of
   * fetchResult.
   */
  async fetchAgain(): Promise<void> {
    if (!this.unfetched || this.ended) return;
    try {
      await this.finish(false);
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'cluster-failed') throw error;
      await this.fail(error);
    }
  }

  async fail(of?: UserError, how: 'failed' | 'lost' = 'failed'): Promise<void> {
    if (this.ended) return;
    const error = this.mirror.failure ?? of ?? asError({});
    const report = reportError(withCommand(error, this.file.reproduction ?? ''));
    if (!this.mirror.toldFailure) await this.writer.event({ type: 'error', ...report });
    await this.end({ status: 'failed', error: report }, how);
    this.following.say({ type: 'run', task: this.task, status: 'failed', message: report.message });
  }

  async cancel(): Promise<void> {
    await this.end({ status: 'cancelled' }, 'cancelled');
  }

  async close(): Promise<void> {
    this.stopping.end();
    await this.writer.close();
  }

  private async finish(mayWait: boolean): Promise<void> {
    const { client, detach, say, lookMs } = this.following;
    // A trainer that ended well has told so and made a result.
    if (!this.mirror.done || !this.mirror.result) return this.fail();
    try {
      await this.mirror.say('Fetching the result');
      await fetchResult(client, this.mirror.result, this.dir, {
        signal: detach,
        // While the job goes on, other runs are not kept waiting for this one's result.
        patience: mayWait ? AbortSignal.abort() : this.writer.stopped,
        onTrouble: (error) => error && say({ type: 'note', message: `${this.task}: ${error.message}` }),
        lookMs,
      });
    } catch (error) {
      if (!mayWait || detach.aborted || !mayPass(error)) throw error;
      this.unfetched = true;
      say({ type: 'note', message: `${this.task}: ${error.message}` });
      return;
    }
    await this.mirror.finish();
    await this.end({ status: 'done' }, 'done');
    await forgetResult(this.file, this.mirror.result, this.dir);
    say({ type: 'run', task: this.task, status: 'done' });
    for (const { of, message } of this.leftOut) say({ type: 'leftOut', task: this.task, of, message });
  }

  private async takeFurther(of: string, line: { type: string }): Promise<void> {
    const { phase, message } = line as { phase?: string; message?: string };
    if (line.type === 'failed') this.leftOut.push({ of, message: message ?? `${of} failed.` });
    else if (line.type === 'progress') await this.mirror.say(phase ?? 'Measuring the spectrum');
  }

  private tell(state: object): void {
    const { step, steps, phase } = state as { step?: number; steps?: number; phase?: string };
    this.following.say({
      type: 'progress',
      task: this.task,
      ...(step !== undefined && { step }),
      ...(steps !== undefined && { steps }),
      ...(phase !== undefined && { phase }),
    });
  }

  private async end(
    state: Parameters<RunWriter['state']>[0],
    ended: NonNullable<ClusterFile['ended']>,
  ): Promise<void> {
    this.ended = true;
    await this.writer.state({ ...state, phase: undefined, etaSeconds: undefined });
    await writeCluster(this.dir, { ...this.file, ended });
    await this.close();
  }
}
