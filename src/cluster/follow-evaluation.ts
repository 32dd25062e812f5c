/** Passes on the messages of an evaluator on a cluster, and fetches the metrics it wrote. */
import type { ClusterFile, DriverLine, ResultLine } from '../protocol/cluster.ts';
import { UserError } from '../text/errors.ts';
import { evaluatorMessageSchema, type EvaluatorMessage } from '../protocol/evaluator.ts';
import { lockRun } from '../runs/lock.ts';
import { followJob } from './follow-job.ts';
import { toUserError, jobFailure } from './follow-run.ts';
import type { RayClient } from './ray/client.ts';
import { fetchResult, deleteStoredResult } from './results.ts';
import { writeCluster } from './store.ts';

interface FollowOptions {
  client: RayClient;
  dir: string;
  file: ClusterFile;
  emit(message: EvaluatorMessage): void;
  detach: AbortSignal;
  pollMs?: number;
}

/**
 * Follows the job to its end, or until `detach` fires. The summary is passed on once the metrics are in the run's
 * directory. Throws the evaluator's error, run-locked, and those of followJob and fetchResult.
 */
export async function followEvaluationJob(options: FollowOptions): Promise<void> {
  const { client, dir, file, emit, detach, pollMs } = options;
  const mirror = new Mirror(emit);
  const onTrouble = (error: UserError | undefined) => error && console.error(error.message);
  const recordEnd = (ended: NonNullable<ClusterFile['ended']>) => writeCluster(dir, { ...file, ended });
  // Meanwhile, its strength must not change, and no one else may measure it.
  const lock = await lockRun(dir, 'Measuring on a cluster');
  try {
    const job = await followJob(client, file.submissionId, {
      onLine: (line) => mirror.handleLine(line),
      onConnectionChange: onTrouble,
      signal: detach,
      ...(pollMs !== undefined && { pollMs }),
    });
    if (!job) return;
    // Unchanged metrics make no result; if the job was stopped before handing them over, they are missing.
    const summary = mirror.result || job.status === 'SUCCEEDED' ? mirror.summary : undefined;
    const endFailure = summary ? undefined : jobFailure(client, job);
    const failure = job.status === 'STOPPED' ? undefined : (mirror.failure ?? endFailure);
    if (!failure && mirror.result)
      await fetchResult(client, mirror.result, dir, {
        signal: detach,
        onConnectionChange: onTrouble,
        pollMs,
      });
    await recordEnd(failure ? 'failed' : summary ? 'done' : 'cancelled');
    if (failure) throw failure;
    if (mirror.result) await deleteStoredResult(file, mirror.result, dir);
    if (summary) emit(summary);
  } catch (error) {
    if (detach.aborted) return;
    if (error instanceof UserError && error.code === 'cluster-lost') await recordEnd('lost');
    throw error;
  } finally {
    await lock.release();
  }
}

class Mirror {
  summary: EvaluatorMessage | undefined;
  result: ResultLine | undefined;
  failure: UserError | undefined;

  constructor(private readonly emit: (message: EvaluatorMessage) => void) {}

  handleLine(line: DriverLine): void {
    if (line.type === 'task' && line.status === 'failed') this.failure ??= toUserError(line);
    else if (line.type === 'failed') this.failure = toUserError(line);
    else if (line.type === 'result') this.result = line;
    else if (line.type === 'line') this.handleMessage(line.line);
  }

  private handleMessage(json: object): void {
    const { data: message } = evaluatorMessageSchema.safeParse(json);
    if (message?.type === 'summary') this.summary = message;
    else if (message?.type === 'failed') this.failure = toUserError(message);
    else if (message) this.emit(message);
  }
}
