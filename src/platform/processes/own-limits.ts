/** Limits for a process that may hang in native code or an endless loop. */
import { startThread } from './start.ts';

interface OwnLimits {
  /** Time limit, from now. */
  milliseconds?: number;
  memory?: number;
}

/** The thread's code, inline so that no separate file is needed. */
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
const look = () => {
  if (!hasParent()) end();
  if (Date.now() - began > milliseconds) end('slow');
  if (process.memoryUsage.rss() > memory) end('memory');
};
look();
setInterval(look, 50);
`;

/**
 * Kills this process, from a separate thread, when its parent has ended or a limit is exceeded. In the latter case it
 * first writes {"type":"slow"} or {"type":"memory"} to stdout.
 */
export function limitProcess({ milliseconds = Infinity, memory = Infinity }: OwnLimits = {}): void {
  startThread(WATCH, { eval: true, workerData: { milliseconds, memory } }).unref();
}
