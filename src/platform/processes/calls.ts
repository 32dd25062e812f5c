/** Typed calls between a process and its child, in both directions, over Node's IPC channel. */
import { createBirpc, type BirpcReturn } from 'birpc';
import { errorOf, reportError, type ErrorReport } from '../../text/errors.ts';

/** The other side's functions. */
export type Calls<Theirs extends object> = BirpcReturn<Theirs, object>;

/** A child, or this process as a child. */
interface Channel {
  send?(message: object, handle: undefined, options: undefined, sent: () => void): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  off(event: 'message', listener: (message: unknown) => void): unknown;
}

/** A birpc message: a request ("q") or a response ("s"). */
type Message = { t: 'q' } | { t: 's'; e?: unknown };

/**
 * The other side's functions; `ours` are those that it may call. Calls have no timeout and start in order. Errors are
 * rethrown here as UserErrors; unexpected ones are also printed where they happened. When the other side has ended,
 * call `$close(error)` to reject pending calls. The child must be started with serialization "advanced", which
 * preserves typed arrays and undefined.
 */
export const callsOver = <Theirs extends object, Ours extends object>(
  channel: Channel,
  ours: Ours,
): Calls<Theirs> =>
  createBirpc<Theirs, Ours>(ours, {
    // Sending fails only if the other side has ended.
    post: (message: Message) => void channel.send!(message, undefined, undefined, () => undefined),
    on: (hear) => void channel.on('message', hear),
    off: (hear) => void channel.off('message', hear),
    serialize: (message: Message) => withError(message, reportError),
    deserialize: (message: Message) => withError(message, (report) => errorOf(report as ErrorReport)),
    bind: 'functions',
    timeout: -1,
    onFunctionError(error) {
      if (reportError(error).code === 'internal') console.error(error);
    },
  });

const withError = (message: Message, change: (error: unknown) => unknown): Message =>
  message.t === 's' && message.e !== undefined ? { ...message, e: change(message.e) } : message;
