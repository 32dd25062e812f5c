/** Entry: `node sweeper.mjs SWEEP_DIR`. Reports progress on stdout; when stopped, it keeps finished trials. */
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
