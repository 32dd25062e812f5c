/** Typed calls between a process and its child, in both directions, over Node's channel ("ipc"). */
import { createBirpc, type BirpcReturn } from 'birpc';
import { errorOf, reportError, type ErrorReport } from '../../text/errors.ts';

/** The other side's functions. */
export type Calls<Theirs extends object> = BirpcReturn<Theirs, object>;

/** A child, or this process as a child. */
interface Channel {
  send?(message: object, handle: undefined, options: undefined, sent: () => void): boolean;
  on(event: 'message', hear: (message: unknown) => void): unknown;
  off(event: 'message', hear: (message: unknown) => void): unknown;
}

/** birpc's: a call, or an answer. */
type Message = { t: 'q' } | { t: 's'; e?: unknown };

/**
 * What the other side offers; `ours` is what it may call here. A call waits as long as the answer takes, and calls begin
 * there in their order. An error is thrown here as a UserError, made from its report; one that is a bug is printed where
 * it happened. Whoever sees the other side end calls `$close(error)`, which is thrown to those that still wait. The child
 * has to be started with serialization "advanced", which keeps typed arrays and undefined.
 */
export const callsOver = <Theirs extends object, Ours extends object>(
  channel: Channel,
  ours: Ours,
): Calls<Theirs> =>
  createBirpc<Theirs, Ours>(ours, {
    // If it can't be sent, the other side has ended.
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
