/** A sweep whose trials run on a cluster, in its folder here. */
import type { DriverLine } from '../protocol/cluster.ts';
import type { UserError } from '../text/errors.ts';
import { sweeperMessageSchema, type SweepLine, type SweepProgress } from '../protocol/sweep.ts';
import { lockRun, type RunLock } from '../runs/lock.ts';
import { concludeSweep } from '../training/sweep/choice.ts';
import { appendLine, readSweep, type Sweep } from '../training/sweep/store.ts';
import { asError, failureOf, type Following, type Mirror, type Outcome } from './mirror.ts';
import type { JobState } from './ray/client.ts';

/** Fails with the error of a trial if the sweep is not finished then. */
export async function mirrorSweep(following: Following): Promise<Mirror> {
  const lock = await lockRun(following.dir);
  try {
    return new SweepMirror(following, await readSweep(following.dir), lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

class SweepMirror implements Mirror {
  private failure: UserError | undefined;

  constructor(
    private readonly following: Following,
    private readonly sweep: Sweep,
    private readonly lock: RunLock,
  ) {}

  trouble(error: UserError | undefined): void {
    if (error) this.following.say({ type: 'note', message: error.message });
  }

  over(job: JobState): Promise<Outcome> {
    const { spec, lines } = this.sweep;
    if (concludeSweep(spec, lines).every(({ finished }) => finished))
      return Promise.resolve({ ended: 'done' });
    const stopped = job.status === 'STOPPED';
    const failure = stopped ? undefined : (this.failure ?? failureOf(this.following.client, job));
    return Promise.resolve({ ended: failure ? 'failed' : 'cancelled', failure });
  }

  close(): Promise<void> {
    return this.lock.release();
  }

  async take(line: DriverLine): Promise<void> {
    if (line.type === 'task' && line.status !== 'failed' && line.message)
      this.following.say({ type: 'note', message: line.message });
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
    if (line.type === 'trial') this.following.say({ type: 'trial' });
  }

  /** A trial knows only itself; how many there are follows from the grids, as far as they are known. */
  private tell(progress: SweepProgress): void {
    const { spec, lines } = this.sweep;
    const done = lines.filter(({ type }) => type === 'trial').length;
    const planned = spec.methods.reduce((sum, { rates }) => sum + rates.length, 0);
    const { method, learningRate, step, steps, loss } = progress;
    this.following.say({
      type: 'progress',
      ...{ method, learningRate, step, steps },
      trial: done + 1,
      trials: Math.max(planned, done + 1),
      ...(loss !== undefined && { loss }),
    });
  }
}
