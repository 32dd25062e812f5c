/**
 * Follows the cluster job of a run, a sweep, an evaluation or a reproduction, and copies its messages and results to
 * this machine.
 */
import { basename } from 'node:path';
import { msg, UserError } from '../text/errors.ts';
import { joinTexts } from '../text/message.ts';
import { followJob } from './follow-job.ts';
import { conclude, withResume, type FollowOptions, type Mirror, type Outcome } from './mirror.ts';
import { mirrorEvaluation } from './mirror-evaluation.ts';
import { mirrorRun } from './mirror-run.ts';
import { mirrorRuns } from './mirror-runs.ts';
import { mirrorSweep } from './mirror-sweep.ts';
import { writeCluster } from './store.ts';

type OpenMirror = (options: FollowOptions) => Promise<Mirror>;

const mirrors: Record<FollowOptions['file']['kind'], OpenMirror> = {
  train: mirrorRun,
  sweep: mirrorSweep,
  evaluate: mirrorEvaluation,
  reproduce: mirrorRuns,
};

/**
 * Follows the job to its end and returns how it ended; 'cancelled' too if its result is no longer waited for, and
 * undefined if `detach` fired. Throws the job's error once it is recorded in cluster.json. Other errors: run-locked, and
 * those of followJob and fetchResult, after which the job can be attached to again.
 */
export async function follow(
  options: FollowOptions,
  open: OpenMirror = mirrors[options.file.kind],
): Promise<Outcome['ended']> {
  const mirror = await open(options);
  try {
    const outcome = await followToEnd(options, mirror);
    if (!outcome) return undefined;
    await conclude(mirror, options, outcome);
    if (outcome.failure) throw outcome.failure;
    return outcome.ended ?? 'cancelled';
  } finally {
    await mirror.close();
  }
}

async function followToEnd(
  { client, dir, file, pollMs, detach: detachRequested }: FollowOptions,
  mirror: Mirror,
): Promise<Outcome | undefined> {
  const { detach = detachRequested, resume } = mirror;
  try {
    const job = await followJob(client, file.submissionId, {
      onLine: (line) => mirror.handleLine(line),
      onForeignLine: (line) =>
        mirror.handleForeignLine ? mirror.handleForeignLine(line) : console.error(line),
      onConnectionChange: (error) => void mirror.showConnection(error),
      signal: detach,
      pollMs,
    });
    if (!job) return undefined;
    const { failure, ...outcome } = await mirror.finish(job);
    return { ...outcome, failure: failure && withResume(failure, resume) };
  } catch (error) {
    if (detach.aborted) return undefined;
    if (!(error instanceof UserError)) throw error;
    // Attaching again may fail forever.
    if (error.code === 'cluster-failed') {
      await writeCluster(dir, { ...file, unfetched: true });
      throw withResume(orGivenUp(error, basename(dir)), resume);
    }
    const failure = withResume(error, resume);
    if (error.code !== 'cluster-lost') throw failure;
    return { ended: 'lost', failure };
  }
}

/** Adds to the advice of an error what to do if the result is gone. */
const orGivenUp = ({ code, what, whatNext, cause }: UserError, id: string): UserError => {
  const next = msg`If the result is gone there, give it up with {cancel ${id}}; after that, {resume} starts again.`;
  return new UserError(code, what, joinTexts([whatNext, next]), { cause });
};
