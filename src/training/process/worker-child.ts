/** Runs the training of a run as a child process of the run's owner, and writes its events and states into the run. */
import { basename } from 'node:path';
import { startBundle } from '../../platform/processes/bundles.ts';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { endOf } from '../../platform/processes/start.ts';
import { UserError } from '../../text/errors.ts';
import {
  trainerMessageSchema,
  type OwnerMessage,
  type TrainedResult,
  type TrainerMessage,
} from '../../protocol/training.ts';
import type { RunWriter } from '../../runs/writer.ts';

type LastWords = Extract<TrainerMessage, { type: 'ended' | 'failed' }>;

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
    // This serialization keeps keys with the value undefined.
    serialization: 'advanced',
  });
  // The child may have ended in the meantime.
  const tell = (message: OwnerMessage) => child.connected && child.send(message, () => undefined);
  let lastWords: LastWords | undefined;
  child.on('message', (received) => {
    const { data: message, error } = trainerMessageSchema.safeParse(received);
    if (!message) return console.error('The training process sent an invalid message:', error);
    if (message.type === 'ended' || message.type === 'failed') lastWords = message;
    else void answer(writer, message).then(tell);
  });
  const cancel = () => tell({ type: 'cancel' });
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  const { how, error } = await endOf(child);
  signal.removeEventListener('abort', cancel);
  if (!lastWords) throw signal.aborted ? stopped() : killed(dir, error?.message ?? how);
  if (lastWords.type === 'ended') return lastWords.trained;
  throw new UserError(lastWords.code, lastWords.message, lastWords.next);
}

async function answer(writer: RunWriter, message: Exclude<TrainerMessage, LastWords>): Promise<OwnerMessage> {
  const { id } = message;
  try {
    await (message.type === 'event' ? writer.event(message.event) : writer.state(message.patch));
    return { type: 'written', id };
  } catch (error) {
    const { code, message: why } = error as NodeJS.ErrnoException;
    return { type: 'notWritten', id, message: why, ...(code !== undefined && { code }) };
  }
}

const stopped = () => new UserError('cancelled', 'The training was stopped.', 'Continue it with "resume".');

const killed = (dir: string, how: string | number | null) =>
  endedEarly(
    'The training',
    how,
    `Resume it from its last checkpoint with {resume ${basename(dir)}}, or train with a smaller --batch or --seq; trainer.log may say more.`,
  );
