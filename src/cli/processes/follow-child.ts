/** A child of the command line that says where it stands in JSON lines. Ctrl+C stops it, and its failure becomes ours. */
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { askToStop } from '../../protocol/child.ts';
import { endedEarly } from '../../protocol/child-end.ts';
import { UserError, type ErrorReport } from '../../protocol/errors.ts';
import { parseLine } from '../../protocol/lines.ts';
import { startChild } from './child.ts';

interface Following<M> {
  /** Of its messages; a `failed` one with code, message and next is thrown. */
  schema: z.ZodType<M>;
  onMessage(message: M): void;
  verbose?: boolean | undefined;
  /** Stops it as Ctrl+C does. */
  signal?: AbortSignal | undefined;
  /** Milliseconds after which a child that was stopped by it is killed. */
  grace?: number | undefined;
}

/** Resolves when `name`.mjs, which lies beside this bundle, has ended well. Its libraries' log is for `verbose`. */
export async function followChild<M extends { type: string }>(
  name: string,
  args: readonly string[],
  { schema, onMessage, verbose = false, signal, grace = 10_000 }: Following<M>,
): Promise<void> {
  const { child, ended } = startChild(name, args, verbose ? 'inherit' : 'ignore');
  const stop = () => askToStop(child);
  let kill: NodeJS.Timeout | undefined;
  const onAbort = () => {
    stop();
    kill = setTimeout(() => child.kill('SIGKILL'), grace);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted) onAbort();
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const parsed = parseLine(schema, line);
      if (!parsed.ok) continue;
      if (isFailure(parsed.value)) throw failureOf(parsed.value);
      onMessage(parsed.value);
    }
    const how = await ended;
    if (how !== 0)
      throw endedEarly(
        `The ${name}`,
        how,
        'Give the same command again, with --verbose to see what it prints.',
      );
  } finally {
    clearTimeout(kill);
    signal?.removeEventListener('abort', onAbort);
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

const isFailure = (message: object): message is ErrorReport =>
  'type' in message && message.type === 'failed' && 'code' in message;
const failureOf = ({ code, message, next }: ErrorReport) => new UserError(code, message, next);
