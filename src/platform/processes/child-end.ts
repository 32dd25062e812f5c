/** Describes how a child process ended if it did not report that itself. */
import { UserError } from '../../text/errors.ts';
import { msg, type Text } from '../../text/message.ts';

/** Windows exit statuses of crashes: access violation, abort ... */
const windowsCrashes = new Set([
  0xc0000005, 0xc000001d, 0xc0000094, 0xc00000fd, 0xc0000374, 0xc0000409, 0x40000015,
]);
const crashSignals = ['SIGABRT', 'SIGSEGV', 'SIGILL', 'SIGBUS', 'SIGFPE', 'SIGTRAP'];
/** A shell reports a signal as 128 plus its number. */
const crashStatuses = [132, 133, 134, 135, 136, 139];

/** Whether native code (llama.cpp, TensorFlow) crashed. `how`: the exit status or signal. */
export function hasCrashed(how: number | string | null): boolean {
  if (typeof how === 'string') return crashSignals.includes(how);
  return how !== null && (crashStatuses.includes(how) || windowsCrashes.has(how >>> 0));
}

export const describeEnd = (how: number | string | null) =>
  typeof how === 'string' ? how : `exit ${how ?? 'unknown'}`;

/**
 * The error for a child that ended prematurely, with code `memory`, `crashed`, `cancelled` or `internal`. `who`: "The
 * evaluator". `next`: what to do next, as a complete sentence.
 */
export function endedEarly(who: Text, how: number | string | null, next: Text): UserError {
  if (how === 'SIGKILL' || how === 137)
    return new UserError('memory', msg`${who} was killed, probably because memory ran out.`, next);
  if (hasCrashed(how))
    return new UserError(
      'crashed',
      msg`${who} crashed in native code (${describeEnd(how)}): the model file may be damaged, or the code was not built for this processor.`,
      msg`Check the model file and run {doctor}. ${next}`,
    );
  if (how === 'SIGTERM' || how === 'SIGINT' || how === 'SIGHUP')
    return new UserError('cancelled', msg`${who} was stopped (${how}).`, next);
  return new UserError('internal', msg`${who} ended early (${describeEnd(how)}).`, next);
}
