/** Runs the training of a run as a child process of the run's owner, and writes its events and states into the run. */
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { errorOf, msg, UserError } from '../../text/errors.ts';
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
  const script = fileURLToPath(new URL('./training-worker.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, dir], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // This serialization keeps keys with the value undefined.
    serialization: 'advanced',
    windowsHide: true,
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
  const how = await new Promise<string | number>((resolve) =>
    child.on('close', (code, by) => resolve(by ?? code ?? 1)).on('error', (error) => resolve(error.message)),
  );
  signal.removeEventListener('abort', cancel);
  if (!lastWords) throw signal.aborted ? stopped() : killed(dir, how);
  if (lastWords.type === 'ended') return lastWords.trained;
  throw errorOf(lastWords);
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

const stopped = () =>
  new UserError('cancelled', msg`The training was stopped.`, msg`Continue it with "resume".`);

const killed = (dir: string, how: string | number) =>
  endedEarly(
    msg`The training`,
    how,
    msg`Resume it from its last checkpoint with {resume ${basename(dir)}}, or train with a smaller --batch or --seq; trainer.log may say more.`,
  );
