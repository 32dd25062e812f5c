/**
 * Writes state.json from a separate thread, because a training step can block the main thread for longer than a
 * heartbeat stays valid.
 */
import type { Worker } from 'node:worker_threads';
import { startThread } from '../platform/processes/start.ts';
import type { RunState } from '../protocol/run.ts';

const HEARTBEAT_MS = 2000;

/** The thread's code: plain CommonJS, so that it runs both from a bundle and from source. */
const source = `
const { parentPort, workerData } = require('node:worker_threads');
const { writeFileSync, renameSync } = require('node:fs');
const { path, interval } = workerData;
let { state } = workerData;

function write() {
  const temporary = path + '.' + process.pid + '.tmp';
  writeFileSync(temporary, JSON.stringify({ ...state, ...(state.pid ? { heartbeat: new Date().toISOString() } : {}) }, null, 2) + '\\n');
  // Windows refuses to rename while a reader has the old file open.
  for (let attempt = 0; ; attempt += 1) {
    try {
      return renameSync(temporary, path);
    } catch (error) {
      if (attempt === 20 || !['EPERM', 'EBUSY', 'EACCES'].includes(error.code)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25);
    }
  }
}

parentPort.on('message', (message) => {
  state = message.state;
  try {
    write();
    parentPort.postMessage({});
  } catch (error) {
    parentPort.postMessage({ code: error.code, message: error.message });
  }
});
// If a heartbeat can't be written (disk full), the next one tries again.
setInterval(() => { try { write(); } catch {} }, interval);
`;

type Reply = { code?: string; message?: string };
type Pending = { resolve: () => void; reject: (error: Error) => void };

export class StateWriter {
  private readonly worker: Worker;
  /** Unanswered writes, in the order in which the thread answers. */
  private readonly pending: Pending[] = [];
  private stopped = false;

  constructor(path: string, state: RunState) {
    const workerData = { path, state, interval: HEARTBEAT_MS };
    this.worker = startThread(source, { eval: true, workerData });
    this.worker.unref();
    this.worker.on('message', (reply: Reply) => {
      const waiting = this.pending.shift();
      if (this.pending.length === 0) this.worker.unref();
      if (reply.message === undefined) waiting?.resolve();
      else waiting?.reject(Object.assign(new Error(reply.message), { code: reply.code }));
    });
    this.worker.on('error', (error) => {
      for (const { reject } of this.pending.splice(0)) reject(error);
    });
  }

  /** Resolves once `state` is on disk. A state with a pid gets a timestamp, now and at every heartbeat. */
  write(state: RunState): Promise<void> {
    if (this.stopped) return Promise.reject(new Error('The run was already released.'));
    this.worker.ref();
    return new Promise((resolve, reject) => {
      this.pending.push({ resolve, reject });
      this.worker.postMessage({ state });
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.worker.terminate();
  }
}
