/**
 * Entry point: `node dist/cluster-follower.mjs DIR`. Follows the cluster job of a run, a sweep, an evaluation or a
 * reproduction. For a run it takes the trainer's role: it owns the directory and is detached. For the others it is a
 * child process that emits the messages of a sweeper or evaluator, or the status of the reproduction's runs. When it
 * exits, the job continues, unless it was asked to cancel.
 */
import { runAsChild } from '../platform/processes/child.ts';
import { logged } from '../text/errors.ts';
import { follow } from './follow.ts';
import type { FollowerMessage } from './mirror.ts';
import { openCluster, readCluster } from './store.ts';

const dir = process.argv[2]!;
const file = await readCluster(dir).catch((error: unknown) => {
  console.error(logged(error));
  return undefined;
});
if (!file) process.exit(1);
const followWith = async (emit: (message: FollowerMessage) => void, detach: AbortSignal): Promise<void> =>
  void (await follow({ client: openCluster(file.url), dir, file, emit, detach }));
if (file.kind !== 'train') await runAsChild<FollowerMessage>(followWith);

const stopRequested = new AbortController();
// Install handlers before becoming the run's owner, so that a signal never kills it while it holds the run.
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stopRequested.abort());
// Keep following when the terminal that started it is closed.
process.on('SIGHUP', () => undefined);
try {
  await followWith(() => undefined, stopRequested.signal);
} catch (error) {
  console.error(logged(error));
  process.exitCode = 1;
}
process.exit();
