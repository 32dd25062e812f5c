/** Passes on what an evaluator on a cluster says, and takes over the figures that it wrote. */
import type { ClusterFile, DriverLine, ResultLine } from '../protocol/cluster.ts';
import { UserError } from '../text/errors.ts';
import { evaluatorMessageSchema, type EvaluatorMessage } from '../protocol/evaluator.ts';
import { lockRun } from '../runs/lock.ts';
import { followJob } from './follow-job.ts';
import { asError, failureOf } from './follow-run.ts';
import type { RayClient } from './ray/client.ts';
import { fetchResult, forgetResult } from './results.ts';
import { writeCluster } from './store.ts';

interface Following {
  client: RayClient;
  dir: string;
  file: ClusterFile;
  say(message: EvaluatorMessage): void;
  detach: AbortSignal;
  lookMs?: number;
}

/**
 * Follows the job to its end, or until `detach` fires. The summary is said once the figures are in the run's directory.
 * Throws the evaluator's error, run-locked, and those of followJob and fetchResult.
 */
export async function followEvaluationJob(following: Following): Promise<void> {
  const { client, dir, file, say, detach, lookMs } = following;
  const mirror = new Mirror(say);
  const onTrouble = (error: UserError | undefined) => error && console.error(error.message);
  const end = (ended: NonNullable<ClusterFile['ended']>) => writeCluster(dir, { ...file, ended });
  // Its strength must not change meanwhile, and nobody else may measure it.
  const lock = await lockRun(dir, 'Measuring on a cluster');
  try {
    const job = await followJob(client, file.submissionId, {
      onLine: (line) => mirror.take(line),
      onTrouble,
      signal: detach,
      ...(lookMs !== undefined && { lookMs }),
    });
    if (!job) return;
    // Figures that are the same as before are no result; stopped before they are handed over, they are not here.
    const summary = mirror.result || job.status === 'SUCCEEDED' ? mirror.summary : undefined;
    const missing = summary ? undefined : failureOf(client, job);
    const failure = job.status === 'STOPPED' ? undefined : (mirror.failure ?? missing);
    if (!failure && mirror.result)
      await fetchResult(client, mirror.result, dir, { signal: detach, onTrouble, lookMs });
    await end(failure ? 'failed' : summary ? 'done' : 'cancelled');
    if (failure) throw failure;
    if (mirror.result) await forgetResult(file, mirror.result, dir);
    if (summary) say(summary);
  } catch (error) {
    if (detach.aborted) return;
    if (error instanceof UserError && error.code === 'cluster-lost') await end('lost');
    throw error;
  } finally {
    await lock.release();
  }
}

class Mirror {
  summary: EvaluatorMessage | undefined;
  result: ResultLine | undefined;
  failure: UserError | undefined;

  constructor(private readonly say: (message: EvaluatorMessage) => void) {}

  take(line: DriverLine): void {
    if (line.type === 'task' && line.status === 'failed') this.failure ??= asError(line);
    else if (line.type === 'failed') this.failure = asError(line);
    else if (line.type === 'result') this.result = line;
    else if (line.type === 'line') this.takeMessage(line.line);
  }

  private takeMessage(json: object): void {
    const { data: message } = evaluatorMessageSchema.safeParse(json);
    if (message?.type === 'summary') this.summary = message;
    else if (message?.type === 'failed') this.failure = asError(message);
    else if (message) this.say(message);
  }
}
