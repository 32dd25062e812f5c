/** The sweeper as a child: what it says is shown, what it prints besides goes to sweeper.log, and Ctrl+C stops it. */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { askToStop } from '../../protocol/child.ts';
import { endedEarly } from '../../protocol/child-end.ts';
import { UserError } from '../../protocol/errors.ts';
import { parseLine } from '../../protocol/lines.ts';
import { openLogSync } from '../../protocol/regular-file.ts';
import { sweeperMessageSchema } from '../../protocol/sweep.ts';
import { concludeSweep } from '../../training/sweep/choice.ts';
import { readSweep } from '../../training/sweep/store.ts';
import { startChild } from './child.ts';
import type { SweepView } from '../view/sweep-view.ts';

/** Resolves when it has ended, whether it was stopped or is done. Throws the error that it ended with. */
export async function followSweeper(dir: string, view: SweepView): Promise<void> {
  const log = openLogSync(join(dir, 'sweeper.log'));
  const { child, ended } = startChild('sweeper', [dir], log);
  closeSync(log);
  let stopped = false;
  const stop = () => {
    if (!stopped) process.stderr.write('\nStopping after this step; the trials that are done are kept.\n');
    stopped = true;
    askToStop(child);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  let failure: UserError | undefined;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const parsed = parseLine(sweeperMessageSchema, line);
      if (!parsed.ok) continue;
      const message = parsed.value;
      if (message.type === 'progress') view.progress(message);
      else if (message.type === 'trial') await showNewest(dir, view);
      else failure = new UserError(message.code as UserError['code'], message.message, message.next);
    }
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
  const how = await ended;
  if (failure) throw failure;
  // One that was stopped before it could listen ends by the signal: its trials are on disk all the same.
  if (how !== 0 && !stopped)
    throw endedEarly(
      'The sweeper',
      how,
      `Give the same command again to go on; ${join(dir, 'sweeper.log')} may say more.`,
    );
}

async function showNewest(dir: string, view: SweepView): Promise<void> {
  const { spec, lines } = await readSweep(dir);
  const newest = lines.findLast((line) => line.type === 'trial');
  const result = concludeSweep(spec, lines).find(({ method }) => method === newest?.method);
  const rate = result?.rates.find(({ learningRate }) => learningRate === newest?.learningRate);
  if (result && rate) view.trial(result.method, rate);
}
