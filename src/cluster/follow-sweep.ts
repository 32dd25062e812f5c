/** Takes over into a sweep's folder what its trials on a cluster measure. */
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
import { asError, failureOf } from './follow-run.ts';
import type { RayClient } from './ray/client.ts';
import { writeCluster } from './store.ts';

interface Following {
  client: RayClient;
  dir: string;
  file: ClusterFile;
  /** As the sweeper says it. */
  say(message: SweeperMessage): void;
  detach: AbortSignal;
  lookMs?: number;
}

/**
 * Follows the job to its end, or until `detach` fires. Throws the error of a trial if the sweep is not finished then,
 * run-locked, and those of followJob.
 */
export async function followSweepJob({ client, dir, file, say, detach, lookMs }: Following): Promise<void> {
  const end = (ended: NonNullable<ClusterFile['ended']>) => writeCluster(dir, { ...file, ended });
  const lock = await lockRun(dir);
  try {
    const sweep = await readSweep(dir);
    const mirror = new Mirror(sweep, say);
    const job = await followJob(client, file.submissionId, {
      onLine: (line) => mirror.take(line),
      onOther: (line) => console.error(line),
      onTrouble: (error) => error && say({ type: 'note', message: error.message }),
      signal: detach,
      ...(lookMs !== undefined && { lookMs }),
    });
    if (!job) return;
    if (concludeSweep(sweep.spec, sweep.lines).every(({ finished }) => finished)) return await end('done');
    const failure = job.status === 'STOPPED' ? undefined : (mirror.failure ?? failureOf(client, job));
    await end(failure ? 'failed' : 'cancelled');
    if (failure) throw failure;
  } catch (error) {
    if (error instanceof UserError && error.code === 'cluster-lost') await end('lost');
    throw error;
  } finally {
    await lock.release();
  }
}

class Mirror {
  failure: UserError | undefined;

  constructor(
    private readonly sweep: Sweep,
    private readonly say: (message: SweeperMessage) => void,
  ) {}

  async take(line: DriverLine): Promise<void> {
    if (line.type === 'task' && line.status !== 'failed' && line.message)
      this.say({ type: 'note', message: line.message });
    if (line.type === 'task' && line.status === 'failed') this.failure ??= asError(line);
    else if (line.type === 'failed') this.failure = asError(line);
    else if (line.type === 'line') await this.takeMessage(line.line);
  }

  private async takeMessage(json: object): Promise<void> {
    const { data: message } = sweeperMessageSchema.safeParse(json);
    if (message?.type === 'line') await this.add(message.line);
    else if (message?.type === 'progress') this.tell(message);
    else if (message?.type === 'failed') this.failure = asError(message);
  }

  /** Each once: a trial that began again tells the same. */
  private async add(line: SweepLine): Promise<void> {
    const isSame = (one: SweepLine) =>
      one.type === line.type &&
      one.method === line.method &&
      (one.type !== 'trial' || line.type !== 'trial' || one.learningRate === line.learningRate);
    if (this.sweep.lines.some(isSame)) return;
    await appendLine(this.sweep, line);
    if (line.type === 'trial') this.say({ type: 'trial' });
  }

  /** A trial knows only itself; how many there are follows from the grids, as far as they are known. */
  private tell(progress: SweepProgress): void {
    const { spec, lines } = this.sweep;
    const done = lines.filter(({ type }) => type === 'trial').length;
    const planned = spec.methods.reduce((sum, { rates }) => sum + rates.length, 0);
    const { method, learningRate, step, steps, loss } = progress;
    this.say({
      type: 'progress',
      ...{ method, learningRate, step, steps },
      trial: done + 1,
      trials: Math.max(planned, done + 1),
      ...(loss !== undefined && { loss }),
    });
  }
}
