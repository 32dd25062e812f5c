/** Runs the training of a run as a child process of the run's owner, and writes its events and states into the run. */
import { basename } from 'node:path';
import { startBundle } from '../../platform/processes/bundles.ts';
import { callsOver } from '../../platform/processes/calls.ts';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { endOf, type ChildEnd } from '../../platform/processes/start.ts';
import { msg, UserError } from '../../text/errors.ts';
import type { OwnerCalls, TrainedResult, TrainingCalls } from '../../protocol/training.ts';
import type { RunWriter } from '../../runs/writer.ts';

/**
 * Returns the result of the training; undefined if `signal` stopped it. Throws its error, or that of endedEarly if it
 * was killed.
 */
export async function runTraining(
  dir: string,
  writer: RunWriter,
  signal: AbortSignal,
): Promise<TrainedResult | undefined> {
  const child = startBundle('training-worker', [dir], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const exited = endOf(child, 'exit');
  // By now, all its messages have been received.
  const early = endOf(child).then((end) =>
    Promise.reject(signal.aborted ? stoppedError() : killedError(dir, end)),
  );
  const training = callsOver<TrainingCalls, OwnerCalls>(child, {
    event: (event) => writer.event(event),
    state: (patch) => writer.state(patch),
  });
  const cancel = () => void training.cancel.asEvent();
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  try {
    return await Promise.race([training.train(), early]);
  } finally {
    signal.removeEventListener('abort', cancel);
    if (child.connected) child.disconnect();
    // Its memory is free by now.
    await exited;
  }
}

const stoppedError = () =>
  new UserError('cancelled', msg`The training was stopped.`, msg`Continue it with "resume".`);

const killedError = (dir: string, { how, error }: ChildEnd) =>
  endedEarly(
    msg`The training`,
    error?.message ?? how,
    msg`Resume it from its last checkpoint with {resume ${basename(dir)}}, or train with a smaller --batch or --seq; trainer.log may say more.`,
  );
