/** Follows a child process that reports progress in JSON lines. Ctrl+C stops it; its error is thrown here. */
import type { z } from 'zod';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { UserError, type ErrorReport } from '../../text/errors.ts';
import { note } from '../view/output.ts';
import { onInterrupt, startChild } from './child.ts';

interface FollowOptions<M> {
  /** Schema of its messages; a `failed` message with code, message and next is thrown. */
  schema: z.ZodType<M>;
  onMessage(message: M): void;
  verbose?: boolean | undefined;
  /** Stops the child as Ctrl+C does. */
  signal?: AbortSignal | undefined;
  /** Milliseconds after which a child that `signal` has stopped is killed. */
  grace?: number | undefined;
}

/**
 * Runs `name`.mjs, which lies beside this bundle; resolves when it has ended without error. `verbose` shows its
 * libraries' log.
 */
export async function followChild<M extends { type: string }>(
  name: string,
  args: readonly string[],
  { schema, onMessage, verbose = false, signal, grace = 10_000 }: FollowOptions<M>,
): Promise<void> {
  const child = startChild(name, args, { stderr: verbose ? 'pipe' : 'ignore', signal });
  if (verbose) child.onLine('stderr', (line) => note(`${name}: ${line}`));
  const release = onInterrupt(() => child.stop());
  let kill: NodeJS.Timeout | undefined;
  const killLater = () => (kill = setTimeout(() => child.kill(), grace));
  signal?.addEventListener('abort', killLater);
  if (signal?.aborted) killLater();
  try {
    for await (const message of child.messages(schema)) {
      if (isFailure(message)) throw toFailure(message);
      onMessage(message);
    }
    const { how } = await child.ended;
    if (how !== 0)
      throw endedEarly(
        `The ${name}`,
        how,
        'Run the same command again, with --verbose to see what it prints.',
      );
  } finally {
    clearTimeout(kill);
    signal?.removeEventListener('abort', killLater);
    release();
  }
}

const isFailure = (message: object): message is ErrorReport =>
  'type' in message && message.type === 'failed' && 'code' in message;
const toFailure = ({ code, message, next }: ErrorReport) => new UserError(code, message, next);
