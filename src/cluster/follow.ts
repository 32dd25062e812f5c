/**
 * Follows the job that a run, a sweep, an evaluation or a reproduction has on a cluster, and brings here what it says
 * and makes.
 */
import { UserError } from '../text/errors.ts';
import { followJob } from './follow-job.ts';
import { conclude, withResume, type Following, type Mirror, type Outcome } from './mirror.ts';
import { mirrorEvaluation } from './mirror-evaluation.ts';
import { mirrorRun } from './mirror-run.ts';
import { mirrorRuns } from './mirror-runs.ts';
import { mirrorSweep } from './mirror-sweep.ts';

type OpenMirror = (following: Following) => Promise<Mirror>;

const mirrors: Record<Following['file']['kind'], OpenMirror> = {
  train: mirrorRun,
  sweep: mirrorSweep,
  evaluate: mirrorEvaluation,
  reproduce: mirrorRuns,
};

/**
 * Returns how the job ended, or how its results were given up; undefined if `detach` fired. What it failed with is
 * thrown once cluster.json says so. Errors: run-locked, and those of followJob and fetchResult, after which the job can
 * be attached to again.
 */
export async function follow(
  following: Following,
  open: OpenMirror = mirrors[following.file.kind],
): Promise<Outcome['ended']> {
  const mirror = await open(following);
  try {
    const outcome = await outcomeOf(following, mirror);
    if (!outcome) return undefined;
    await conclude(mirror, following, outcome);
    if (outcome.failure) throw outcome.failure;
    return outcome.ended ?? 'cancelled';
  } finally {
    await mirror.close();
  }
}

async function outcomeOf(
  { client, file, lookMs, detach: leave }: Following,
  mirror: Mirror,
): Promise<Outcome | undefined> {
  const { detach = leave, resume } = mirror;
  try {
    const job = await followJob(client, file.submissionId, {
      onLine: (line) => mirror.take(line),
      onOther: (line) => (mirror.other ? mirror.other(line) : console.error(line)),
      onTrouble: (error) => void mirror.trouble(error),
      signal: detach,
      lookMs,
    });
    if (!job) return undefined;
    const { failure, ...outcome } = await mirror.over(job);
    return { ...outcome, failure: failure && withResume(failure, resume) };
  } catch (error) {
    if (detach.aborted) return undefined;
    if (!(error instanceof UserError)) throw error;
    const failure = withResume(error, resume);
    if (error.code !== 'cluster-lost') throw failure;
    return { ended: 'lost', failure };
  }
}
