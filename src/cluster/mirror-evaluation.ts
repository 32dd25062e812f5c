/** Passes on the messages of an evaluator on a cluster, and fetches the metrics it wrote. */
import type { DriverLine, ResultLine } from '../protocol/cluster.ts';
import type { UserError } from '../text/errors.ts';
import { evaluatorMessageSchema, type EvaluatorMessage } from '../protocol/evaluator.ts';
import { lockRun, type Lock } from '../runs/lock.ts';
import { toUserError, jobFailure, type FollowOptions, type Mirror, type Outcome } from './mirror.ts';
import type { JobState } from './ray/client.ts';
import { fetchResult } from './results.ts';

/** The summary is passed on once the metrics are in the run's directory. Fails with the evaluator's error. */
export const mirrorEvaluation = async (options: FollowOptions): Promise<Mirror> =>
  // Meanwhile, its strength must not change, and no one else may measure it.
  new EvaluationMirror(options, await lockRun(options.dir, 'Measuring on a cluster'));

class EvaluationMirror implements Mirror {
  readonly resume = 'the same "evaluate"';
  private summary: EvaluatorMessage | undefined;
  private result: ResultLine | undefined;
  private failure: UserError | undefined;
  fetched: ResultLine | undefined;

  constructor(
    private readonly options: FollowOptions,
    private readonly lock: Lock,
  ) {}

  handleLine(line: DriverLine): void {
    if (line.type === 'task' && line.status === 'failed') this.failure ??= toUserError(line);
    else if (line.type === 'failed') this.failure = toUserError(line);
    else if (line.type === 'result') this.result = line;
    else if (line.type === 'line') this.handleMessage(line.line);
  }

  /** Dropped: whoever reads the evaluator's messages reads nothing else. */
  handleForeignLine(): void {}

  showConnection(error: UserError | undefined): void {
    if (error) console.error(error.message);
  }

  async finish(job: JobState): Promise<Outcome> {
    const { client, dir, detach, pollMs } = this.options;
    // Unchanged metrics make no result; if the job was stopped before handing them over, they are missing.
    if (!this.result && job.status !== 'SUCCEEDED') this.summary = undefined;
    const endFailure = this.summary ? undefined : jobFailure(client, job);
    const failure = job.status === 'STOPPED' ? undefined : (this.failure ?? endFailure);
    if (!failure && this.result) {
      const onConnectionChange = (error: UserError | undefined) => this.showConnection(error);
      await fetchResult(client, this.result, dir, { signal: detach, onConnectionChange, pollMs });
      this.fetched = this.result;
    }
    return { ended: failure ? 'failed' : this.summary ? 'done' : 'cancelled', failure };
  }

  recordOutcome({ failure }: Outcome): void {
    if (this.summary && !failure) this.options.emit(this.summary);
  }

  close(): Promise<void> {
    return this.lock.release();
  }

  private handleMessage(json: object): void {
    const { data: message } = evaluatorMessageSchema.safeParse(json);
    if (message?.type === 'summary') this.summary = message;
    else if (message?.type === 'failed') this.failure = toUserError(message);
    else if (message) this.options.emit(message);
  }
}
