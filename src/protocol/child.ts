/** A process that speaks JSON lines and can be stopped: the child's side of line-child.ts. */
import { reportError } from './errors.ts';

type Failed = { type: 'failed' } & ReturnType<typeof reportError>;

/** What a parent asks for then is to this process as if SIGTERM had come. */
export function heedStop(): void {
  if (process.env['FORGET_ME_NOT_STOP'] !== 'stdin') return;
  // Its own children are asked by itself.
  delete process.env['FORGET_ME_NOT_STOP'];
  process.stdin.on('error', () => undefined);
  process.stdin.on('data', (text) => {
    if (String(text).includes('stop') && !process.emit('SIGTERM', 'SIGTERM')) process.exit(143);
  });
  // Nothing has to be waited for.
  process.stdin.unref();
}

/**
 * Runs `work` and ends the process. `signal` aborts when it is asked to stop (also by SIGTERM and SIGINT), and when nobody listens any more. What is
 * thrown is told as `failed`, and the exit status is 1.
 */
export async function runAsChild<M extends { type: string }>(
  work: (say: (message: M) => void, signal: AbortSignal) => Promise<void>,
): Promise<never> {
  heedStop();
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());
  // Whoever listened has gone.
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
  // What was said must get out first.
  await new Promise<void>((done) => process.stdout.write('', () => done()));
  // Native threads of TensorFlow and llama.cpp would keep the process alive.
  process.exit();
}
