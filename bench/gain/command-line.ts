/** Our command line as a user runs it: dist/cli.mjs with the benchmark's own data folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { UserError } from '../../src/text/errors.ts';

/**
 * Runs it with `args`; its output goes to stderr. When `signal` aborts, sends Ctrl+C and waits for the end, because the
 * command then saves its progress. Errors: crashed if its exit status is not 0.
 */
export async function commandLine(home: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [resolve('dist/cli.mjs'), ...args], {
    stdio: ['ignore', process.stderr, process.stderr],
    env: { TF_CPP_MIN_LOG_LEVEL: '2', ...process.env, FORGET_ME_NOT_HOME: home },
    // In its own process group; otherwise it would get both the terminal's Ctrl+C and ours, and some commands exit at
    // the second.
    detached: true,
  });
  const stop = () => child.kill('SIGINT');
  signal.addEventListener('abort', stop);
  try {
    const [code, killed] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    signal.throwIfAborted();
    if (code === 0) return;
    throw new UserError(
      'crashed',
      `forget-me-not ${args[0]} ended with ${killed ?? code}; see its output above.`,
      'Give the same command again: it continues where it stopped.',
    );
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
