/** Runs the sweeper as a child process: its messages are shown, and its other output goes to sweeper.log. */
import { join } from 'node:path';
import { sweeperMessageSchema } from '../../protocol/sweep.ts';
import { concludeSweep } from '../../training/sweep/choice.ts';
import { readSweep } from '../../training/sweep/store.ts';
import { note } from '../view/output.ts';
import type { SweepView } from '../view/sweep-view.ts';
import { followChild } from './follow-child.ts';

/**
 * Resolves when the sweeper is done or was stopped. Throws the error that it ended with. `onCluster`: the trials run on
 * a cluster, and continue there when the child that follows them is stopped.
 */
export async function followSweeper(dir: string, view: SweepView, onCluster = false): Promise<void> {
  let stopped = false;
  await followChild(onCluster ? 'cluster-follower' : 'sweeper', [dir], {
    schema: sweeperMessageSchema,
    log: join(dir, 'sweeper.log'),
    onStop() {
      if (!stopped && !onCluster) note('', 'Stopping after this step; finished trials are kept.');
      stopped = true;
    },
    async onMessage(message) {
      if (message.type === 'progress') view.progress(message);
      else if (message.type === 'trial') await showNewest(dir, view);
      else if (message.type === 'note') note(message.message);
    },
  });
}

async function showNewest(dir: string, view: SweepView): Promise<void> {
  const { spec, lines } = await readSweep(dir);
  const newest = lines.findLast((line) => line.type === 'trial');
  const result = concludeSweep(spec, lines).find(({ method }) => method === newest?.method);
  const rate = result?.rates.find(({ learningRate }) => learningRate === newest?.learningRate);
  if (result && rate) view.trial(result.method, rate);
}
