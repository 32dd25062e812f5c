/** A process that writes JSON lines and can be stopped: the child's counterpart of line-child.ts. */
import { reportError } from '../../text/errors.ts';

type Failed = { type: 'failed' } & ReturnType<typeof reportError>;

/** If the parent is a LineChild (line-child.ts), treats its stop request like SIGTERM. */
export function handleStop(): void {
  if (process.env['FORGET_ME_NOT_STOP'] !== 'stdin') return;
  // Not inherited: this process stops its own children.
  delete process.env['FORGET_ME_NOT_STOP'];
  process.stdin.on('error', () => undefined);
  process.stdin.on('data', (text) => {
    if (String(text).includes('stop') && !process.emit('SIGTERM', 'SIGTERM')) process.exit(143);
  });
  // An open stdin must not keep the process alive.
  process.stdin.unref();
}

/**
 * Runs `work`, then ends the process. `signal` aborts on a stop request, SIGTERM or SIGINT, and when stdout's reader is
 * gone. An error is reported as a `failed` message with exit status 1.
 */
export async function runAsChild<M extends { type: string }>(
  work: (say: (message: M) => void, signal: AbortSignal) => Promise<void>,
): Promise<never> {
  handleStop();
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());
  // The reader is gone.
  process.stdout.on('error', () => stop.abort());
  const say = (message: M | Failed) => void process.stdout.write(`${JSON.stringify(message)}\n`);
  try {
    await work(say, stop.signal);
  } catch (error) {
    const report = reportError(error);
    if (report.code === 'internal') console.error(error);
    say({ type: 'failed', ...report });
    process.exitCode = 1;
  }
  // Flush stdout first.
  await new Promise<void>((done) => process.stdout.write('', () => done()));
  // The native threads of TensorFlow and llama.cpp would keep the process alive.
  process.exit();
}
