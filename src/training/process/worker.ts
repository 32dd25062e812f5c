/**
 * Entry: `node training-worker.mjs RUN_DIR`, child process of the trainer. All memory of the training is freed when it
 * ends, so that the evaluation has room. It sends what it would write into the run to the trainer, which owns the run;
 * if the trainer ends, it ends at once.
 */
import { reportError, UserError } from '../../text/errors.ts';
import { ownerMessageSchema, type TrainerMessage } from '../../protocol/training.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { trainRun } from '../train-run.ts';

const dir = process.argv[2];
if (!dir || !process.send) {
  console.error('The trainer starts this process.');
  process.exit(2);
}

const cancel = new AbortController();
// A terminal signals the whole process group, but only the owner decides when to stop.
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined);
process.on('disconnect', () => process.exit(1));

const pending = new Map<number, { resolve(): void; reject(error: Error): void }>();
process.on('message', (received) => {
  const { data: message } = ownerMessageSchema.safeParse(received);
  if (!message) return;
  if (message.type === 'cancel') return cancel.abort();
  const lastId = pending.get(message.id);
  pending.delete(message.id);
  if (message.type === 'written') lastId?.resolve();
  else lastId?.reject(Object.assign(new Error(message.message), { code: message.code }));
});

const send = (message: TrainerMessage) =>
  new Promise<void>((resolve, reject) =>
    process.send!(message, undefined, undefined, (error) => (error ? reject(error) : resolve())),
  );

let lastId = 0;
function requestWrite(ask: (id: number) => TrainerMessage): Promise<void> {
  const id = (lastId += 1);
  return new Promise((resolve, reject) => {
    pending.set(id, { resolve, reject });
    send(ask(id)).catch(reject);
  });
}

const writer: RunWriter = {
  event: (event) =>
    requestWrite((id) => ({ type: 'event', id, event: { ...event, time: new Date().toISOString() } })),
  state: (patch) => requestWrite((id) => ({ type: 'state', id, patch })),
  stopped: cancel.signal,
  close: () => Promise.resolve(),
};

try {
  await send({ type: 'ended', trained: await trainRun(dir, writer, cancel.signal) });
} catch (error) {
  if (!(error instanceof UserError)) console.error(error);
  await send({ type: 'failed', ...reportError(error) }).catch(() => undefined);
}
// Native threads of TensorFlow and llama.cpp would keep the process alive.
process.exit();
