/** A run that is measured on a cluster: what the evaluator says there, and the figures that it wrote. */
import type { DriverLine, ResultLine } from '../protocol/cluster.ts';
import type { UserError } from '../text/errors.ts';
import { evaluatorMessageSchema, type EvaluatorMessage } from '../protocol/evaluator.ts';
import { lockRun, type RunLock } from '../runs/lock.ts';
import { asError, failureOf, type Following, type Mirror, type Outcome } from './mirror.ts';
import type { JobState } from './ray/client.ts';
import { fetchResult } from './results.ts';

/** The summary is said once the figures are in the run's directory. Fails with the evaluator's error. */
export const mirrorEvaluation = async (following: Following): Promise<Mirror> =>
  // Its strength must not change meanwhile, and nobody else may measure it.
  new EvaluationMirror(following, await lockRun(following.dir, 'Measuring on a cluster'));

class EvaluationMirror implements Mirror {
  private summary: EvaluatorMessage | undefined;
  private result: ResultLine | undefined;
  private failure: UserError | undefined;
  fetched: ResultLine | undefined;

  constructor(
    private readonly following: Following,
    private readonly lock: RunLock,
  ) {}

  take(line: DriverLine): void {
    if (line.type === 'task' && line.status === 'failed') this.failure ??= asError(line);
    else if (line.type === 'failed') this.failure = asError(line);
    else if (line.type === 'result') this.result = line;
    else if (line.type === 'line') this.takeMessage(line.line);
  }

  /** Whoever reads its messages reads nothing else. */
  other(): void {}

  trouble(error: UserError | undefined): void {
    if (error) console.error(error.message);
  }

  async over(job: JobState): Promise<Outcome> {
    const { client, dir, detach, lookMs } = this.following;
    // Figures that are the same as before are no result; stopped before they are handed over, they are not here.
    if (!this.result && job.status !== 'SUCCEEDED') this.summary = undefined;
    const missing = this.summary ? undefined : failureOf(client, job);
    const failure = job.status === 'STOPPED' ? undefined : (this.failure ?? missing);
    if (!failure && this.result) {
      const onTrouble = (error: UserError | undefined) => this.trouble(error);
      await fetchResult(client, this.result, dir, { signal: detach, onTrouble, lookMs });
      this.fetched = this.result;
    }
    return { ended: failure ? 'failed' : this.summary ? 'done' : 'cancelled', failure };
  }

  settle({ failure }: Outcome): void {
    if (this.summary && !failure) this.following.say(this.summary);
  }

  close(): Promise<void> {
    return this.lock.release();
  }

  private takeMessage(json: object): void {
    const { data: message } = evaluatorMessageSchema.safeParse(json);
    if (message?.type === 'summary') this.summary = message;
    else if (message?.type === 'failed') this.failure = asError(message);
    else if (message) this.following.say(message);
  }
}
