/**
 * Entry point: `node dist/cluster-follower.mjs DIR`. Follows the cluster job of a run, a sweep, an evaluation or a
 * reproduction. For a run it takes the trainer's role: it owns the directory and is detached. For the others it is a
 * child process that emits the messages of a sweeper or evaluator, or the status of the reproduction's runs. When it
 * exits, the job continues, unless it was asked to cancel.
 */
import { runAsChild } from '../platform/processes/child.ts';
import type { ClusterFile } from '../protocol/cluster.ts';
import { formatError, reportError, UserError } from '../text/errors.ts';
import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import type { ReproducerMessage } from '../protocol/reproduction.ts';
import type { SweeperMessage } from '../protocol/sweep.ts';
import { isAskedToStop } from '../runs/index.ts';
import { openRunWriter, type RunWriter } from '../runs/writer.ts';
import { followEvaluationJob } from './follow-evaluation.ts';
import { followRunJob, detachUnlessStopped, withRunId } from './follow-run.ts';
import { followRunsJob } from './follow-runs.ts';
import { followSweepJob } from './follow-sweep.ts';
import { openCluster, readCluster } from './store.ts';

const dir = process.argv[2];
if (!dir) {
  console.error('Usage: node cluster-follower.mjs DIR');
  process.exit(2);
}

async function followRun(file: ClusterFile, dir: string): Promise<void> {
  const stopRequested = new AbortController();
  // Install handlers before becoming the run's owner, so that a signal never kills it while it holds the run.
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stopRequested.abort());
  const detach = detachUnlessStopped(stopRequested.signal, () => isAskedToStop(dir));
  const writer = await openRunWriter(dir);
  try {
    const client = openCluster(file.url);
    const status = await followRunJob({ client, dir, file, writer, detach });
    if (status) await writer.state({ status, etaSeconds: undefined, phase: undefined });
  } catch (error) {
    await handleFailure(error, dir, writer);
  } finally {
    await writer.close();
  }
}

/** Only a failure of the job fails the run; if merely the following failed, the job may still succeed. */
async function handleFailure(error: unknown, dir: string, writer: RunWriter): Promise<void> {
  process.exitCode = 1;
  const reported = error instanceof UserError ? withRunId(error, dir) : error;
  console.error(reported instanceof UserError ? formatError(reported) : reported);
  const ended = (await readCluster(dir))?.ended;
  if (ended === undefined) return;
  const report = reportError(reported);
  await writer.event({ type: 'error', ...report }).catch(() => undefined);
  await writer.state({ status: 'failed', error: report, phase: undefined, etaSeconds: undefined });
}

const file = await readCluster(dir).catch((error: unknown) => {
  console.error(formatError(error));
  return undefined;
});
if (!file) process.exit(1);
if (file.kind === 'sweep')
  await runAsChild<SweeperMessage>((say, detach) =>
    followSweepJob({ client: openCluster(file.url), dir, file, emit: say, detach }),
  );
if (file.kind === 'reproduce')
  await runAsChild<ReproducerMessage>((say, detach) =>
    followRunsJob({ client: openCluster(file.url), dir, file, emit: say, detach }),
  );
if (file.kind === 'evaluate')
  await runAsChild<EvaluatorMessage>((say, detach) =>
    followEvaluationJob({ client: openCluster(file.url), dir, file, emit: say, detach }),
  );
// Keep following when the terminal that started it is closed.
process.on('SIGHUP', () => undefined);
try {
  await followRun(file, dir);
} catch (error) {
  console.error(formatError(error));
  process.exitCode = 1;
}
process.exit();
