/** How a child ended that did not say so itself. */
import { UserError } from './errors.ts';

/** Windows' statuses of a process that the system or its C library ended: access violation, illegal instruction, abort ... */
const windowsCrashes = new Set([
  0xc0000005, 0xc000001d, 0xc0000094, 0xc00000fd, 0xc0000374, 0xc0000409, 0x40000015,
]);
const crashSignals = ['SIGABRT', 'SIGSEGV', 'SIGILL', 'SIGBUS', 'SIGFPE', 'SIGTRAP'];
/** A shell between tells a signal as 128 and its number. */
const crashStatuses = [132, 133, 134, 135, 136, 139];

/** Whether native code (llama.cpp, TensorFlow) ended it. `how`: its exit status or signal. */
export function hasCrashed(how: number | string | null): boolean {
  if (typeof how === 'string') return crashSignals.includes(how);
  return how !== null && (crashStatuses.includes(how) || windowsCrashes.has(how >>> 0));
}

export const describeEnd = (how: number | string | null) =>
  typeof how === 'string' ? how : `exit ${how ?? 'unknown'}`;

/** `who`: "The evaluator". `next`: how to go on, as a whole sentence. Its code is `memory`, `crashed`, `cancelled` or `internal`. */
export function endedEarly(who: string, how: number | string | null, next: string): UserError {
  if (how === 'SIGKILL' || how === 137)
    return new UserError('memory', `${who} was killed, as the system does when memory runs out.`, next);
  if (hasCrashed(how))
    return new UserError(
      'crashed',
      `${who} crashed in native code (${describeEnd(how)}), as it does on a damaged model or a processor that it was not built for.`,
      `Check the model's file and run {doctor}. ${next}`,
    );
  if (how === 'SIGTERM' || how === 'SIGINT' || how === 'SIGHUP')
    return new UserError('cancelled', `${who} was stopped (${how}).`, next);
  return new UserError('internal', `${who} ended early (${describeEnd(how)}).`, next);
}
