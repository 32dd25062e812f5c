/** The child's side of a process that speaks JSON lines and is stopped by SIGTERM; its parent's is cli/child.ts. */
import { reportError } from './errors.ts';

type Failed = { type: 'failed' } & ReturnType<typeof reportError>;

/**
 * Runs `work` and ends the process. `signal` aborts on SIGTERM and SIGINT, and when nobody listens any more. What is
 * thrown is told as `failed`, and the exit status is 1.
 */
export async function runAsChild<M extends { type: string }>(
  work: (say: (message: M) => void, signal: AbortSignal) => Promise<void>,
): Promise<never> {
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
