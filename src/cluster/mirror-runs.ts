/** The runs that one job trains beside each other, those of a reproduction, in their directories here. */
import { basename, join } from 'node:path';
import type { DriverLine } from '../protocol/cluster.ts';
import { UserError } from '../text/errors.ts';
import { runsDir } from '../platform/files/paths.ts';
import { isAskedToStop } from '../runs/index.ts';
import { lockRun } from '../runs/lock.ts';
import { asError, conclude, failureOf, withResume } from './mirror.ts';
import type { Following, Mirror, Outcome } from './mirror.ts';
import { leaveUnlessStopped, RunMirror } from './mirror-run.ts';
import { mayPass } from './patience.ts';
import type { JobState } from './ray/client.ts';
import { readCluster } from './store.ts';

/**
 * Each run ends here as soon as its task has, with its result or with its error, which is not thrown: only that of a job
 * which ended without having tried all its runs is.
 */
export async function mirrorRuns(following: Following): Promise<Mirror> {
  const { client, dir, file, say, lookMs } = following;
  const runs = new Map<string, RunOfMany>();
  const isStopped = async () =>
    (await Promise.all([...runs.values()].map((run) => run.isAskedToStop()))).includes(true);
  const detach = leaveUnlessStopped(following.detach, isStopped, lookMs);
  const lock = await lockRun(dir);
  const close = async () => {
    for (const run of runs.values()) await run.close();
    await lock.release();
  };
  try {
    for (const [task, id] of Object.entries(file.runs ?? {})) {
      const run = await RunOfMany.open(task, join(runsDir(), id), { ...following, detach });
      if (run) runs.set(task, run);
    }
  } catch (error) {
    await close();
    throw error;
  }
  let said: UserError | undefined;
  return {
    detach,
    resume: resumeOf(basename(dir)),
    take(line) {
      if (line.type === 'failed') said = asError(line);
      if ('id' in line) return runs.get(line.id)?.take(line);
    },
    trouble: (error) => error && say({ type: 'note', message: error.message }),
    async over(job) {
      const failure = said ?? failureOf(client, job);
      const ended = await endAll([...runs.values()], job, failure);
      return { ended, ...(ended === 'failed' && { failure }) };
    },
    async settle({ ended, failure }) {
      if (ended === 'lost') for (const run of runs.values()) await run.fail(failure, 'lost');
    },
    close,
  };
}

/** Ends what the job has left of its runs. Returns how the job ended. Errors: those of fetchResult. */
async function endAll(
  runs: readonly RunOfMany[],
  { status }: JobState,
  failure: UserError | undefined,
): Promise<NonNullable<Outcome['ended']>> {
  for (const run of runs) await run.fetchAgain();
  const left = runs.filter((run) => !run.ended);
  const stopped = status === 'STOPPED' || runs.some((run) => run.stopped);
  for (const run of left) await (stopped ? run.cancel() : run.fail(failure));
  if (left.length === 0) return 'done';
  return stopped ? 'cancelled' : 'failed';
}

const resumeOf = (id: string) => `"reproduce --resume ${id}" on the command line`;

/** A run of the job, whose directory is this process's until it is closed. */
class RunOfMany {
  ended = false;
  /** What further programs could not do. */
  private readonly leftOut: { of: string; message: string }[] = [];
  /** It is done there, and its result is not here yet. */
  private unfetched = false;

  private constructor(
    private readonly task: string,
    /** With the run's own directory and file. */
    private readonly following: Following,
    private readonly mirror: RunMirror,
  ) {}

  /** undefined if it ended here already, belongs to another job, or was deleted. Errors: run-locked. */
  static async open(task: string, dir: string, following: Following): Promise<RunOfMany | undefined> {
    const file = await readCluster(dir);
    if (!file || file.submissionId !== following.file.submissionId || file.ended) return undefined;
    const own = { ...following, dir, file };
    return new RunOfMany(task, own, await RunMirror.open(own, resumeOf(file.reproduction ?? '')));
  }

  /** Whether it is asked to stop, which its own watch may not have seen yet. */
  isAskedToStop(): Promise<boolean> {
    return isAskedToStop(this.following.dir);
  }

  get stopped(): boolean {
    return this.mirror.stopped.aborted;
  }

  async take(line: DriverLine): Promise<void> {
    if (this.ended) return;
    if (line.type === 'line' && line.line.of) return this.takeFurther(line.line.of, line.line);
    await this.mirror.take(line);
    if (line.type === 'line' && line.line.type === 'state') this.tell(line.line);
    if (line.type !== 'task') return;
    if (line.message && line.status !== 'failed') this.note(line);
    if (line.status === 'done') await this.finish(true);
    // One that was cancelled has not failed: how the job ends says what became of it.
    else if (line.status === 'failed' && line.code !== 'cancelled') await this.fail();
  }

  /**
   * Fetches a result that could not be fetched when it was made. One that the cluster does not have any more is the
   * run's failure, so that it is made again. Errors: those of fetchResult.
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

  async fail(of?: UserError, ended: 'failed' | 'lost' = 'failed'): Promise<void> {
    if (this.ended) return;
    const failure = withResume(this.mirror.failure ?? of ?? asError({}), this.mirror.resume);
    await this.end({ ended, failure });
    this.following.say({ type: 'run', task: this.task, status: 'failed', message: failure.message });
  }

  async cancel(): Promise<void> {
    await this.end({ ended: 'cancelled' });
  }

  async close(): Promise<void> {
    await this.mirror.close();
  }

  private async finish(mayWait: boolean): Promise<void> {
    const { mirror, task } = this;
    const { detach, say } = this.following;
    // A trainer that ended well has told so and made a result.
    if (!mirror.done || !mirror.result) return this.fail();
    try {
      // While the job goes on, other runs are not kept waiting for this one's result.
      await mirror.fetch(
        mayWait ? AbortSignal.abort() : mirror.stopped,
        (error) => error && this.note(error),
      );
    } catch (error) {
      if (!mayWait || detach.aborted || !mayPass(error)) throw error;
      this.unfetched = true;
      this.note(error);
      return;
    }
    await this.end({ ended: 'done' });
    say({ type: 'run', task, status: 'done' });
    for (const { of, message } of this.leftOut) say({ type: 'leftOut', task, of, message });
  }

  private async takeFurther(of: string, line: { type: string }): Promise<void> {
    const { phase, message } = line as { phase?: string; message?: string };
    if (line.type === 'failed') this.leftOut.push({ of, message: message ?? `${of} failed.` });
    else if (line.type === 'progress') await this.mirror.say(phase ?? 'Measuring the spectrum');
  }

  private note({ message }: { message?: string | undefined }): void {
    this.following.say({ type: 'note', message: `${this.task}: ${message}` });
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

  private async end(outcome: Outcome): Promise<void> {
    this.ended = true;
    await conclude(this.mirror, this.following, outcome);
    await this.close();
  }
}
