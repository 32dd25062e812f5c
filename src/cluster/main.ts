/**
 * Entry: `node dist/cluster-follower.mjs DIR`. Follows the job that a run, a sweep, an evaluation or a reproduction has
 * on a cluster. For a run it is what the trainer is elsewhere: it owns the directory, and is detached. For the others it
 * is a child that says what the sweeper or the evaluator would say, or how the reproduction's runs stand. Whenever it
 * ends, the job goes on, unless it was asked to cancel.
 */
import { runAsChild } from '../platform/processes/child.ts';
import type { ClusterFile } from '../protocol/cluster.ts';
import { logged, reportError, UserError } from '../text/errors.ts';
import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import type { ReproducerMessage } from '../protocol/reproduction.ts';
import type { SweeperMessage } from '../protocol/sweep.ts';
import { isAskedToStop } from '../runs/index.ts';
import { openRunWriter, type RunWriter } from '../runs/writer.ts';
import { followEvaluationJob } from './follow-evaluation.ts';
import { followRunJob, leaveUnlessStopped, withRun } from './follow-run.ts';
import { followRunsJob } from './follow-runs.ts';
import { followSweepJob } from './follow-sweep.ts';
import { openCluster, readCluster } from './store.ts';

const dir = process.argv[2];
if (!dir) {
  console.error('Usage: node cluster-follower.mjs DIR');
  process.exit(2);
}

async function followRun(file: ClusterFile, dir: string): Promise<void> {
  const asked = new AbortController();
  // Before the run shows this process as its owner, so that a signal never ends it with the run taken.
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => asked.abort());
  const detach = leaveUnlessStopped(asked.signal, () => isAskedToStop(dir));
  const writer = await openRunWriter(dir);
  try {
    const client = openCluster(file.url);
    const status = await followRunJob({ client, dir, file, writer, detach });
    if (status) await writer.state({ status, etaSeconds: undefined, phase: undefined });
  } catch (error) {
    await failed(error, dir, writer);
  } finally {
    await writer.close();
  }
}

/** Only what happened to the job is the run's failure; one that can't be followed may go on well. */
async function failed(error: unknown, dir: string, writer: RunWriter): Promise<void> {
  process.exitCode = 1;
  const told = error instanceof UserError ? withRun(error, dir) : error;
  if (told instanceof UserError) console.error(logged(told));
  else console.error(told);
  const ended = (await readCluster(dir))?.ended;
  if (ended === undefined) return;
  const report = reportError(told);
  await writer.event({ type: 'error', ...report }).catch(() => undefined);
  await writer.state({ status: 'failed', error: report, phase: undefined, etaSeconds: undefined });
}

const file = await readCluster(dir).catch((error: unknown) => {
  console.error(logged(error));
  return undefined;
});
if (!file) process.exit(1);
if (file.kind === 'sweep')
  await runAsChild<SweeperMessage>((say, detach) =>
    followSweepJob({ client: openCluster(file.url), dir, file, say, detach }),
  );
if (file.kind === 'reproduce')
  await runAsChild<ReproducerMessage>((say, detach) =>
    followRunsJob({ client: openCluster(file.url), dir, file, say, detach }),
  );
if (file.kind === 'evaluate')
  await runAsChild<EvaluatorMessage>((say, detach) =>
    followEvaluationJob({ client: openCluster(file.url), dir, file, say, detach }),
  );
// The following goes on when the terminal that started it is closed.
process.on('SIGHUP', () => undefined);
try {
  await followRun(file, dir);
} catch (error) {
  console.error(logged(error));
  process.exitCode = 1;
}
process.exit();
