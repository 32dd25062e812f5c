/** Our command line as a person uses it: dist/cli.mjs in a data folder of the benchmark's. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { UserError } from '../../src/protocol/errors.ts';

/**
 * What it prints goes to standard error. When `signal` aborts, it gets Ctrl+C and is waited for, since it then writes
 * what it goes on from. Errors: crashed where it ends otherwise than well.
 */
export async function commandLine(home: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [resolve('dist/cli.mjs'), ...args], {
    stdio: ['ignore', process.stderr, process.stderr],
    env: { TF_CPP_MIN_LOG_LEVEL: '2', ...process.env, FORGET_ME_NOT_HOME: home },
    // Of a group of its own: else the terminal's Ctrl+C would reach it besides ours, and some commands end at the second.
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
      `forget-me-not ${args[0]} ended with ${killed ?? code}; what it said stands above.`,
      'Give the same command again: it goes on where it was.',
    );
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
