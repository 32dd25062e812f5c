/** A process that may hang in native code or an endless loop, and has to end all the same. */
import { startThread } from './start.ts';

export interface OwnLimits {
  /** From now on. */
  milliseconds?: number;
  /** Bytes of memory in use. */
  memory?: number;
}

/** The thread has no file of its own, so that it starts wherever this one was started from. */
const WATCH = `
const { workerData: { milliseconds, memory } } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const [began, parent] = [Date.now(), process.ppid];
const end = (type) => {
  if (type) writeSync(1, JSON.stringify({ type }) + '\\n');
  process.kill(process.pid, 'SIGKILL');
};
const hasParent = () => {
  try {
    return process.ppid === parent && process.kill(parent, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
};
setInterval(() => {
  if (!hasParent()) end();
  if (Date.now() - began > milliseconds) end('slow');
  if (process.memoryUsage.rss() > memory) end('memory');
}, 50);
`;

/**
 * Ends this process as by SIGKILL when its parent has ended, or when it takes more than it may: then stdout gets the
 * line {"type":"slow"} or {"type":"memory"}. Watched from a thread of its own.
 */
export function limitProcess({ milliseconds = Infinity, memory = Infinity }: OwnLimits = {}): void {
  startThread(WATCH, { eval: true, workerData: { milliseconds, memory } }).unref();
}
