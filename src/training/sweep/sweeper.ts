/** Entry: `node sweeper.mjs SWEEP_DIR`. Says where it stands on stdout; stopping it keeps the trials that are done. */
import { runAsChild } from '../../protocol/child.ts';
import type { SweeperMessage } from '../../protocol/sweep.ts';
import { runSweep } from './run.ts';

const dir = process.argv[2];
if (!dir) {
  console.error('Usage: node sweeper.mjs SWEEP_DIR');
  process.exit(2);
}

await runAsChild<SweeperMessage>(async (say, signal) => {
  await runSweep(dir, {
    signal,
    onProgress: (progress) => say({ type: 'progress', ...progress }),
    onTrial: () => say({ type: 'trial' }),
  });
});
