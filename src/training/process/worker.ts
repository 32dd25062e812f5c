/**
 * Entry: `node training-worker.mjs RUN_DIR`, child process of the trainer. All memory of the training is freed when it
 * ends, so that the evaluation has room. It sends what it would write into the run to the trainer, which owns the run;
 * it ends at once when the trainer has ended, or has its result.
 */
import { callsOver } from '../../platform/processes/calls.ts';
import type { OwnerCalls, TrainingCalls } from '../../protocol/training.ts';
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
// Native threads of TensorFlow and llama.cpp would keep the process alive.
process.on('disconnect', () => process.exit());

const owner = callsOver<OwnerCalls, TrainingCalls>(process, {
  train: () => trainRun(dir, writer, cancel.signal),
  cancel: () => cancel.abort(),
});

const writer: RunWriter = {
  event: (event) => owner.event({ ...event, time: new Date().toISOString() }),
  state: (patch) => owner.state(patch),
  stopped: cancel.signal,
  close: () => Promise.resolve(),
};
