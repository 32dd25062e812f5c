/** What following a job on a cluster (follow.ts) knows of the kinds of work: each has a mirror, which brings it here. */
import type { ClusterFile, DriverLine, ResultLine } from '../protocol/cluster.ts';
import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import type { ReproducerMessage } from '../protocol/reproduction.ts';
import type { SweeperMessage } from '../protocol/sweep.ts';
import { errorCodes, msg, UserError, type ErrorCode, type ErrorReport } from '../text/errors.ts';
import { textOf, withValue } from '../text/message.ts';
import type { JobState, RayClient } from './ray/client.ts';
import { forgetResult } from './results.ts';
import { writeCluster } from './store.ts';

export type FollowerMessage = SweeperMessage | EvaluatorMessage | ReproducerMessage;

export interface Following {
  client: RayClient;
  /** Of the run, the sweep or the reproduction, with its cluster.json. */
  dir: string;
  file: ClusterFile;
  /** Says what the process would say in whose place this is. */
  say(message: FollowerMessage): void;
  /** Ends the following and leaves the job as it is. */
  detach: AbortSignal;
  /** For tests: how long to wait. */
  lookMs?: number | undefined;
}

export interface Outcome {
  /** For cluster.json; without it, the job can be attached to again, and its results be fetched. */
  ended?: ClusterFile['ended'];
  failure?: UserError | undefined;
}

/** Brings into its directory, which it owns until it is closed, what a job says and makes. */
export interface Mirror {
  /** In the place of the following's own. */
  readonly detach?: AbortSignal;
  /** What "{resume}" means in its errors. */
  readonly resume?: string;
  /** The result that was brought here. */
  readonly fetched?: ResultLine | undefined;
  take(line: DriverLine): Promise<void> | void;
  /** A line of the logs that is not the driver's. */
  other?(line: string): void;
  /** The cluster can't be reached for now, or again; `error` is the reason. */
  trouble(error: UserError | undefined): Promise<void> | void;
  /** The job is over: brings here what it has made. */
  over(job: JobState): Promise<Outcome>;
  /** Says here how it ended. */
  settle?(outcome: Outcome): Promise<void> | void;
  close(): Promise<void>;
}

/** Says how a job ended; only once that is on disk is its result deleted there. */
export async function conclude(
  mirror: Mirror,
  { dir, file }: Pick<Following, 'dir' | 'file'>,
  outcome: Outcome,
): Promise<void> {
  await mirror.settle?.(outcome);
  if (!outcome.ended) return;
  await writeCluster(dir, { ...file, ended: outcome.ended });
  if (mirror.fetched) await forgetResult(file, mirror.fetched, dir);
}

/** An error that the driver tells; its words are whole sentences already. */
export function asError(report: Partial<Omit<ErrorReport, 'code'>> & { code?: string }): UserError {
  const { code } = report;
  const known = (errorCodes as readonly string[]).includes(code ?? '');
  return new UserError(
    known ? (code as ErrorCode) : 'cluster-failed',
    textOf(report, 'message') ?? msg`The task failed on the cluster.`,
    textOf(report, 'next') ?? msg`The job's logs in the cluster's dashboard may say more.`,
  );
}

/** What became of a job whose driver said nothing of it; undefined if it was stopped. */
export function failureOf({ cluster }: RayClient, { status, message }: JobState): UserError | undefined {
  if (status === 'STOPPED') return undefined;
  const { host } = cluster.address;
  return new UserError(
    'cluster-failed',
    message
      ? msg`The job on the cluster at ${host} ended without a result: ${message}.`
      : msg`The job on the cluster at ${host} ended without a result.`,
    msg`Its logs in the cluster's dashboard say more; then go on with {resume}.`,
  );
}

/** The error with its "{resume}" as what it means. */
export const withResume = (
  { code, what, whatNext, cause }: UserError,
  resume: string | undefined,
): UserError =>
  new UserError(code, what, resume === undefined ? whatNext : withValue(whatNext, 'resume', resume), {
    cause,
  });
