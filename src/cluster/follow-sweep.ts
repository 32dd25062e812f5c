/** Copies the measurements of a sweep's trials on a cluster into the sweep's folder. */
import type { ClusterFile, DriverLine } from '../protocol/cluster.ts';
import { UserError } from '../text/errors.ts';
import {
  sweeperMessageSchema,
  type SweeperMessage,
  type SweepLine,
  type SweepProgress,
} from '../protocol/sweep.ts';
import { lockRun } from '../runs/lock.ts';
import { concludeSweep } from '../training/sweep/choice.ts';
import { appendLine, readSweep, type Sweep } from '../training/sweep/store.ts';
import { followJob } from './follow-job.ts';
import { toUserError, jobFailure } from './follow-run.ts';
import type { RayClient } from './ray/client.ts';
import { writeCluster } from './store.ts';

interface FollowOptions {
  client: RayClient;
  dir: string;
  file: ClusterFile;
  /** Emits the messages of a local sweeper. */
  emit(message: SweeperMessage): void;
  detach: AbortSignal;
  pollMs?: number;
}

/**
 * Follows the job to its end, or until `detach` fires. Throws a trial's error if the sweep is then unfinished,
 * run-locked, and those of followJob.
 */
export async function followSweepJob({
  client,
  dir,
  file,
  emit,
  detach,
  pollMs,
}: FollowOptions): Promise<void> {
  const recordEnd = (ended: NonNullable<ClusterFile['ended']>) => writeCluster(dir, { ...file, ended });
  const lock = await lockRun(dir);
  try {
    const sweep = await readSweep(dir);
    const mirror = new Mirror(sweep, emit);
    const job = await followJob(client, file.submissionId, {
      onLine: (line) => mirror.handleLine(line),
      onForeignLine: (line) => console.error(line),
      onConnectionChange: (error) => error && emit({ type: 'note', message: error.message }),
      signal: detach,
      ...(pollMs !== undefined && { pollMs }),
    });
    if (!job) return;
    if (concludeSweep(sweep.spec, sweep.lines).every(({ finished }) => finished))
      return await recordEnd('done');
    const failure = job.status === 'STOPPED' ? undefined : (mirror.failure ?? jobFailure(client, job));
    await recordEnd(failure ? 'failed' : 'cancelled');
    if (failure) throw failure;
  } catch (error) {
    if (error instanceof UserError && error.code === 'cluster-lost') await recordEnd('lost');
    throw error;
  } finally {
    await lock.release();
  }
}

class Mirror {
  failure: UserError | undefined;

  constructor(
    private readonly sweep: Sweep,
    private readonly emit: (message: SweeperMessage) => void,
  ) {}

  async handleLine(line: DriverLine): Promise<void> {
    if (line.type === 'task' && line.status !== 'failed' && line.message)
      this.emit({ type: 'note', message: line.message });
    if (line.type === 'task' && line.status === 'failed') this.failure ??= toUserError(line);
    else if (line.type === 'failed') this.failure = toUserError(line);
    else if (line.type === 'line') await this.handleMessage(line.line);
  }

  private async handleMessage(json: object): Promise<void> {
    const { data: message } = sweeperMessageSchema.safeParse(json);
    if (message?.type === 'line') await this.addLine(message.line);
    else if (message?.type === 'progress') this.reportProgress(message);
    else if (message?.type === 'failed') this.failure = toUserError(message);
  }

  /** Adds each line once: a restarted trial repeats its lines. */
  private async addLine(line: SweepLine): Promise<void> {
    const isSame = (other: SweepLine) =>
      other.type === line.type &&
      other.method === line.method &&
      (other.type !== 'trial' || line.type !== 'trial' || other.learningRate === line.learningRate);
    if (this.sweep.lines.some(isSame)) return;
    await appendLine(this.sweep, line);
    if (line.type === 'trial') this.emit({ type: 'trial' });
  }

  /** A trial knows only itself; the number of trials follows from the grids, as far as they are known. */
  private reportProgress(progress: SweepProgress): void {
    const { spec, lines } = this.sweep;
    const done = lines.filter(({ type }) => type === 'trial').length;
    const planned = spec.methods.reduce((sum, { rates }) => sum + rates.length, 0);
    const { method, learningRate, step, steps, loss } = progress;
    this.emit({
      type: 'progress',
      method,
      learningRate,
      step,
      steps,
      trial: done + 1,
      trials: Math.max(planned, done + 1),
      ...(loss !== undefined && { loss }),
    });
  }
}
