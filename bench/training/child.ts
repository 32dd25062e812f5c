/** Runs one measurement in a separate process, which is killed before the machine runs out of memory. */
import { spawn } from 'node:child_process';
import { cpus, freemem } from 'node:os';
import { UserError } from '../../src/text/errors.ts';
import type { Job, Measurement } from './job.ts';

/** Bytes of memory left to everything else on the machine. */
const RESERVE = 768 * 2 ** 20;

export interface Outcome extends Measurement {
  /** Share of the processors used by other programs during the measurement. */
  disturbance: number;
}

/**
 * Runs `command` with the job as its last argument. Throws when it runs out of memory or fails, and `cancelled` when
 * `signal` fires.
 */
export async function measure(command: readonly string[], job: Job, signal: AbortSignal): Promise<Outcome> {
  const child = spawn(command[0]!, [...command.slice(1), JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
    // The comparison is on CPUs: neither side may use a GPU.
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', CUDA_VISIBLE_DEVICES: '' },
  });
  const before = processorTimes();
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4000)));
  let outOfMemory = false;
  const watch = setInterval(() => {
    if (freemem() > RESERVE) return;
    outOfMemory = true;
    child.kill('SIGKILL');
  }, 200);
  const stop = () => child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject).on('close', resolve);
    });
    if (signal.aborted)
      throw new UserError('cancelled', 'The benchmark was cancelled.', 'Start it again at any time.');
    if (outOfMemory || (status === null && child.signalCode === 'SIGKILL')) throw new Error('out of memory');
    if (status !== 0) throw new Error(reasonOf(errors) || `ended with ${child.signalCode ?? status}`);
    const measurement = JSON.parse(output) as Measurement;
    const now = processorTimes();
    const others = (now.busy - before.busy - measurement.cpuSeconds) / (now.all - before.all);
    // The share of a fully busy machine can be rounded to more than 1.
    return { ...measurement, disturbance: Math.min(1, Math.max(0, others)) };
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', stop);
  }
}

/** The last line that names an error, else the last line; '' if there is no output. */
function reasonOf(errors: string): string {
  const lines = errors.split('\n').map((line) => line.trim());
  const named = lines.filter((line) => /^(\w+(\.\w+)*)?(Error|Exception)\b.*: /.test(line));
  return named.at(-1) ?? lines.filter(Boolean).at(-1) ?? '';
}

/** Processor time since the machine started, in seconds, summed over all processors. */
function processorTimes(): { busy: number; all: number } {
  const times = cpus().map(({ times }) => times);
  const all = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
  const idle = times.reduce((sum, { idle }) => sum + idle, 0);
  return { busy: (all - idle) / 1000, all: all / 1000 };
}
