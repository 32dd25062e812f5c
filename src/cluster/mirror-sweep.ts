/** Copies the measurements of a sweep's trials on a cluster into the sweep's folder. */
import type { DriverLine } from '../protocol/cluster.ts';
import type { UserError } from '../text/errors.ts';
import { sweeperMessageSchema, type SweepLine, type SweepProgress } from '../protocol/sweep.ts';
import { lockRun, type Lock } from '../runs/lock.ts';
import { concludeSweep } from '../training/sweep/choice.ts';
import { appendLine, readSweep, type Sweep } from '../training/sweep/store.ts';
import { toUserError, jobFailure, type FollowOptions, type Mirror, type Outcome } from './mirror.ts';
import type { JobState } from './ray/client.ts';

/** Fails with a trial's error if the sweep is unfinished when the job ends. */
export async function mirrorSweep(options: FollowOptions): Promise<Mirror> {
  const lock = await lockRun(options.dir);
  try {
    return new SweepMirror(options, await readSweep(options.dir), lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

class SweepMirror implements Mirror {
  private failure: UserError | undefined;

  constructor(
    private readonly options: FollowOptions,
    private readonly sweep: Sweep,
    private readonly lock: Lock,
  ) {}

  showConnection(error: UserError | undefined): void {
    if (error) this.options.emit({ type: 'note', message: error.message });
  }

  finish(job: JobState): Promise<Outcome> {
    const { spec, lines } = this.sweep;
    if (concludeSweep(spec, lines).every(({ finished }) => finished))
      return Promise.resolve({ ended: 'done' });
    const stopped = job.status === 'STOPPED';
    const failure = stopped ? undefined : (this.failure ?? jobFailure(this.options.client, job));
    return Promise.resolve({ ended: failure ? 'failed' : 'cancelled', failure });
  }

  close(): Promise<void> {
    return this.lock.release();
  }

  async handleLine(line: DriverLine): Promise<void> {
    if (line.type === 'task' && line.status !== 'failed' && line.message)
      this.options.emit({ type: 'note', message: line.message });
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
    if (line.type === 'trial') this.options.emit({ type: 'trial' });
  }

  /** A trial knows only itself; the number of trials follows from the grids, as far as they are known. */
  private reportProgress(progress: SweepProgress): void {
    const { spec, lines } = this.sweep;
    const done = lines.filter(({ type }) => type === 'trial').length;
    const planned = spec.methods.reduce((sum, { rates }) => sum + rates.length, 0);
    const trial = done + 1;
    // Its time left is that of one trial.
    const rest = { etaSeconds: undefined, trial, trials: Math.max(planned, trial) };
    this.options.emit({ type: 'progress', ...progress, ...rest });
  }
}
