/**
 * Entry: `node dist/cluster-follower.mjs DIR`. Follows the job that a run, a sweep, an evaluation or a reproduction has
 * on a cluster. For a run it is what the trainer is elsewhere: it owns the directory, and is detached. For the others it
 * is a child that says what the sweeper or the evaluator would say, or how the reproduction's runs stand. Whenever it
 * ends, the job goes on, unless it was asked to cancel.
 */
import { runAsChild } from '../platform/processes/child.ts';
import { logged } from '../text/errors.ts';
import { follow } from './follow.ts';
import type { FollowerMessage } from './mirror.ts';
import { openCluster, readCluster } from './store.ts';

const dir = process.argv[2];
if (!dir) {
  console.error('Usage: node cluster-follower.mjs DIR');
  process.exit(2);
}

const file = await readCluster(dir).catch((error: unknown) => {
  console.error(logged(error));
  return undefined;
});
if (!file) process.exit(1);
if (file.kind !== 'train')
  await runAsChild<FollowerMessage>(async (say, detach) => {
    await follow({ client: openCluster(file.url), dir, file, say, detach });
  });

const asked = new AbortController();
// Before the run shows this process as its owner, so that a signal never ends it with the run taken.
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => asked.abort());
// The following goes on when the terminal that started it is closed.
process.on('SIGHUP', () => undefined);
try {
  await follow({ client: openCluster(file.url), dir, file, say: () => undefined, detach: asked.signal });
} catch (error) {
  console.error(logged(error));
  process.exitCode = 1;
}
process.exit();
