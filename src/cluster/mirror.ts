/** What following a job on a cluster (follow.ts) needs of each kind of work: a mirror, which copies it to this machine. */
import type { ClusterFile, DriverLine, ResultLine } from '../protocol/cluster.ts';
import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import type { ReproducerMessage } from '../protocol/reproduction.ts';
import type { SweeperMessage } from '../protocol/sweep.ts';
import { errorCodes, msg, UserError, type ErrorCode, type ErrorReport } from '../text/errors.ts';
import { textOf, withValue } from '../text/message.ts';
import type { JobState, RayClient } from './ray/client.ts';
import { deleteStoredResult } from './results.ts';
import { writeCluster } from './store.ts';

export type FollowerMessage = SweeperMessage | EvaluatorMessage | ReproducerMessage;

export interface FollowOptions {
  client: RayClient;
  /** Of the run, the sweep or the reproduction, with its cluster.json. */
  dir: string;
  file: ClusterFile;
  /** Emits the messages of the local process in whose place this is. */
  emit(message: FollowerMessage): void;
  /** Stops following without stopping the job. */
  detach: AbortSignal;
  /** Polling interval; for tests. */
  pollMs?: number | undefined;
}

export interface Outcome {
  /** For cluster.json. If undefined, the job can be attached to again, and its results fetched. */
  ended?: ClusterFile['ended'];
  failure?: UserError | undefined;
}

/** Copies a job's messages and results into its local directory, which it owns until it is closed. */
export interface Mirror {
  /** Replaces `detach` of the options. */
  readonly detach?: AbortSignal;
  /** The value of "{resume}" in its errors. */
  readonly resume?: string;
  /** The result that was fetched. */
  readonly fetched?: ResultLine | undefined;
  handleLine(line: DriverLine): Promise<void> | void;
  /** Handles a log line that is not from the driver. */
  handleForeignLine?(line: string): void;
  /** Called when the cluster becomes unreachable, with the reason, or reachable again, with undefined. */
  showConnection(error: UserError | undefined): Promise<void> | void;
  /** To be called when the job has ended: fetches its result. */
  finish(job: JobState): Promise<Outcome>;
  /** Records locally how the job ended. */
  recordOutcome?(outcome: Outcome): Promise<void> | void;
  close(): Promise<void>;
}

/** Records how a job ended, and only then deletes its result on the cluster. */
export async function conclude(
  mirror: Mirror,
  { dir, file }: Pick<FollowOptions, 'dir' | 'file'>,
  outcome: Outcome,
): Promise<void> {
  await mirror.recordOutcome?.(outcome);
  if (!outcome.ended) return;
  await writeCluster(dir, { ...file, ended: outcome.ended });
  if (mirror.fetched) await deleteStoredResult(file, mirror.fetched, dir);
}

/** An error reported by the driver, whose texts are complete sentences. */
export function toUserError(report: Partial<Omit<ErrorReport, 'code'>> & { code?: string }): UserError {
  const { code } = report;
  const isKnown = (errorCodes as readonly string[]).includes(code ?? '');
  return new UserError(
    isKnown ? (code as ErrorCode) : 'cluster-failed',
    textOf(report, 'message') ?? msg`The task failed on the cluster.`,
    textOf(report, 'next') ?? msg`The job's logs in the cluster's dashboard may say more.`,
  );
}

/** The error of a job whose driver reported none; undefined if it was stopped. */
export function jobFailure({ cluster }: RayClient, { status, message }: JobState): UserError | undefined {
  if (status === 'STOPPED') return undefined;
  const { host } = cluster.address;
  return new UserError(
    'cluster-failed',
    message
      ? msg`The job on the cluster at ${host} ended without a result: ${message}.`
      : msg`The job on the cluster at ${host} ended without a result.`,
    msg`Its logs in the cluster's dashboard say more; then continue with {resume}.`,
  );
}

/** Fills in "{resume}" in the error's advice. */
export const withResume = (
  { code, what, whatNext, cause }: UserError,
  resume: string | undefined,
): UserError =>
  new UserError(code, what, resume === undefined ? whatNext : withValue(whatNext, 'resume', resume), {
    cause,
  });
