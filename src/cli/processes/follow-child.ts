/** Follows a child process that reports progress in JSON lines. Ctrl+C stops it; its error is thrown here. */
import { closeSync } from 'node:fs';
import type { z } from 'zod';
import { openLogSync } from '../../platform/files/regular-file.ts';
import { bundlePath, type ProgramName, type Programs } from '../../platform/processes/bundles.ts';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { LineChild } from '../../platform/processes/line-child.ts';
import { errorOf, type ErrorReport, type UserError } from '../../text/errors.ts';
import { note } from '../view/output.ts';
import { childEnv, onInterrupt } from './child.ts';

interface FollowOptions<M> {
  /** Schema of its messages; a `failed` message with code, message and next is thrown. */
  schema: z.ZodType<M>;
  onMessage(message: M): Promise<void> | void;
  /** Called at Ctrl+C. With it, a child that ends early after that has not failed. */
  onStop?: () => void;
  /** Shows what its libraries print. */
  verbose?: boolean | undefined;
  /** File for what they print, unless `verbose` shows it. */
  log?: string;
  /** Stops the child as Ctrl+C does. */
  signal?: AbortSignal | undefined;
  /** Milliseconds after which a child that `signal` has stopped is killed. */
  grace?: number | undefined;
}

/** Runs a program; resolves when it has ended without error. */
export async function followChild<N extends ProgramName, M extends { type: string }>(
  name: N,
  args: Programs[N],
  { schema, onMessage, onStop, verbose = false, log, signal, grace = 10_000 }: FollowOptions<M>,
): Promise<void> {
  const file = verbose || log === undefined ? undefined : openLogSync(log);
  const stderr = file ?? (verbose ? 'pipe' : 'ignore');
  const child = new LineChild(bundlePath(name), args, { stderr, signal, env: childEnv() });
  if (file !== undefined) closeSync(file);
  if (verbose) child.onLine('stderr', (line) => note(`${name}: ${line}`));
  let stopped = false;
  const release = onInterrupt(() => {
    onStop?.();
    stopped = true;
    child.stop();
  });
  let kill: NodeJS.Timeout | undefined;
  const killLater = () => (kill = setTimeout(() => child.kill(), grace));
  signal?.addEventListener('abort', killLater);
  if (signal?.aborted) killLater();
  let failure: UserError | undefined;
  try {
    for await (const message of child.messages(schema))
      if (isFailure(message)) failure = errorOf(message);
      else await onMessage(message);
    const { how } = await child.ended;
    if (failure) throw failure;
    if (how !== 0 && !(stopped && onStop)) throw endedEarly(`The ${name}`, how, nextAfter(log));
  } finally {
    clearTimeout(kill);
    signal?.removeEventListener('abort', killLater);
    release();
  }
}

const nextAfter = (log: string | undefined): string =>
  log === undefined
    ? 'Run the same command again, with --verbose to see what it prints.'
    : `Run the same command again to resume; ${log} may say more.`;

const isFailure = (message: object): message is ErrorReport =>
  'type' in message && message.type === 'failed' && 'code' in message;
