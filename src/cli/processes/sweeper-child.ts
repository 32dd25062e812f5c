/**
 * Runs the sweeper as a child process: its messages are shown, its other output goes to sweeper.log, and Ctrl+C stops
 * it.
 */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { UserError } from '../../text/errors.ts';
import { openLogSync } from '../../platform/files/regular-file.ts';
import { sweeperMessageSchema } from '../../protocol/sweep.ts';
import { concludeSweep } from '../../training/sweep/choice.ts';
import { readSweep } from '../../training/sweep/store.ts';
import { onInterrupt, startChild } from './child.ts';
import type { SweepView } from '../view/sweep-view.ts';
import { note } from '../view/output.ts';

/**
 * Resolves when the sweeper is done or was stopped. Throws the error that it ended with. `elsewhere`: the trials run on
 * a cluster, and go on there when the child that follows them is stopped.
 */
export async function followSweeper(dir: string, view: SweepView, onCluster = false): Promise<void> {
  const log = openLogSync(join(dir, 'sweeper.log'));
  const child = startChild(onCluster ? 'cluster-follower' : 'sweeper', [dir], { stderr: log });
  closeSync(log);
  let stopped = false;
  const release = onInterrupt(() => {
    if (!stopped && !onCluster) note('', 'Stopping after this step; finished trials are kept.');
    stopped = true;
    child.stop();
  });
  let failure: UserError | undefined;
  try {
    for await (const message of child.messages(sweeperMessageSchema)) {
      if (message.type === 'progress') view.progress(message);
      else if (message.type === 'trial') await showNewest(dir, view);
      else if (message.type === 'note') note(message.message);
      else if (message.type === 'failed')
        failure = new UserError(message.code as UserError['code'], message.message, message.next);
    }
  } finally {
    release();
  }
  const { how: exitStatus } = await child.ended;
  if (failure) throw failure;
  // If it was stopped before it could handle the signal, the signal ended it; its trials are on disk all the same.
  if (exitStatus !== 0 && !stopped)
    throw endedEarly(
      'The sweeper',
      exitStatus,
      `Run the same command again to resume; ${join(dir, 'sweeper.log')} may say more.`,
    );
}

async function showNewest(dir: string, view: SweepView): Promise<void> {
  const { spec, lines } = await readSweep(dir);
  const newest = lines.findLast((line) => line.type === 'trial');
  const result = concludeSweep(spec, lines).find(({ method }) => method === newest?.method);
  const rate = result?.rates.find(({ learningRate }) => learningRate === newest?.learningRate);
  if (result && rate) view.trial(result.method, rate);
}
