/** Errors meant for the user: a code, what happened, and what to do next. */
import { z } from 'zod';
import { jsonLine, visible } from './foreign-text.ts';
import { english, msg, textOf, textsSchema, joinTexts, withTexts, type Text, type Texts } from './message.ts';
import { forTerminal } from './next-step.ts';
import { whyNotAFile } from './not-a-file.ts';

/** Re-exported because almost every error uses it. */
export { msg };

export const errorCodes = [
  'corpus-empty',
  'no-commits',
  'corpus-unreadable',
  'base-not-found',
  'base-not-gguf',
  'base-truncated',
  'base-unsupported-architecture',
  'base-unsupported-quantisation',
  'base-checksum',
  'hub-not-found',
  'network',
  'disk-full',
  'not-writable',
  'compiler-missing',
  'runtime-missing',
  'backend-unavailable',
  'gpu-lost',
  'run-not-found',
  'run-locked',
  'run-newer',
  'run-damaged',
  'run-not-finished',
  'not-better',
  'training-busy',
  'memory',
  'diverged',
  'cancelled',
  'adapter-mismatch',
  'adapter-damaged',
  'adapter-unsupported',
  'export-mismatch',
  'secret-found',
  'store-refused',
  'not-published',
  'port-taken',
  'chat-too-long',
  'chat-template',
  'endpoint-address',
  'endpoint-down',
  'endpoint-slow',
  'endpoint-token',
  'endpoint-model',
  'endpoint-unknown',
  'endpoint-certificate',
  'endpoint-failed',
  'cluster-address',
  'cluster-down',
  'cluster-token',
  'cluster-version',
  'cluster-unknown',
  'cluster-limit',
  'cluster-storage',
  'cluster-resources',
  'cluster-failed',
  'cluster-lost',
  'unauthorized',
  'bad-request',
  'bad-argument',
  'not-a-file',
  'crashed',
  'node-missing',
  'internal',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/**
 * An error that the user can act on. `message` is a sentence that says what happened; `next` is one that says what to
 * do, with steps by name (next-step.ts). Any other error is a bug and is shown as `internal`.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** In English, like `message`. */
  readonly next: string;
  constructor(
    readonly code: ErrorCode,
    readonly what: Text,
    readonly whatNext: Text,
    options?: ErrorOptions,
  ) {
    super(english(what), options);
    this.next = english(whatNext);
  }
}

/** The schema of an error's texts in messages and files. */
export const errorTexts = { message: z.string(), next: z.string(), texts: textsSchema };

export interface ErrorReport {
  code: ErrorCode;
  message: string;
  next: string;
  texts?: Texts;
}

/** The error from a report of another process or in a file. */
export const errorOf = (
  report: Omit<ErrorReport, 'code'> & { code: string },
  options?: ErrorOptions,
): UserError =>
  new UserError(report.code as ErrorCode, textOf(report, 'message'), textOf(report, 'next'), options);

/** Describes any thrown value as a report. */
export function reportError(error: unknown): ErrorReport {
  const { code, what, whatNext } = asUserError(error);
  return { code, ...withTexts({ message: what, next: whatNext }) };
}

/** What happened and what to do, as one text. */
export const describeError = (error: unknown): Text => {
  const { what, whatNext } = asUserError(error);
  return joinTexts([what, whatNext]);
};

/** What happened, to be embedded in another message. */
export const reasonOf = (error: unknown): Text => asUserError(error).what;

/**
 * EDQUOT on Linux and on macOS. libuv does not know it, so an error has only its number. Not from node:os, because the
 * panel's browser loads this file, too.
 */
const QUOTA_USED_UP: readonly unknown[] = [-122, -69];

/** Whether the disk, or the user's share of it, is full. */
export function isDiskFull(error: unknown): boolean {
  const { code, errno } = (error ?? {}) as NodeJS.ErrnoException;
  return code === 'ENOSPC' || QUOTA_USED_UP.includes(errno);
}

/** Turns any thrown value into a UserError. Node's disk and network errors become sentences here. */
export function asUserError(error: unknown): UserError {
  if (error instanceof UserError) return error;
  const reason = whyNotAFile(error);
  const { code, message, path, syscall } =
    error instanceof Error
      ? (error as NodeJS.ErrnoException)
      : ({ message: String(error) } as NodeJS.ErrnoException);
  if (reason)
    return new UserError(
      'not-a-file',
      msg`${path ?? msg`A file`} can't be read: ${reason}.`,
      msg`Replace it with a file, or remove it.`,
    );
  if (isDiskFull(error))
    return new UserError(
      'disk-full',
      code === 'ENOSPC' ? msg`The disk is full.` : msg`The disk quota is used up.`,
      msg`Free some space and run the same command again.`,
    );
  // On a read-only disk, Node's mkdir fails with ENOENT.
  if (path && (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(code ?? '') || syscall === 'mkdir'))
    return new UserError(
      'not-writable',
      syscall === 'mkdir'
        ? msg`${path} can't be made (${code!}).`
        : msg`${path} can't be opened or written (${code!}).`,
      msg`Check its permissions, or set FORGET_ME_NOT_HOME to a folder of your own.`,
    );
  if (code === 'ENOTFOUND' || code === 'ECONNREFUSED' || code === 'ENETUNREACH' || code === 'EAI_AGAIN')
    return new UserError(
      'network',
      msg`The network could not be reached (${code}).`,
      msg`Check the connection or proxy, then try again.`,
    );
  if (error instanceof Error && isOutOfMemory(error))
    return new UserError(
      'memory',
      msg`There was not enough memory for the computation.`,
      msg`Train with a smaller --batch or --seq, or from a smaller base.`,
    );
  return new UserError(
    'internal',
    // Collapse the lines of a library's message.
    message.replace(/\s*\n\s*/g, ' ') || msg`Something went wrong.`,
    msg`Run again with --verbose and report what it prints.`,
  );
}

/** Recognises the errors of TensorFlow, V8 and WebAssembly, which reports any trap as a plain RuntimeError. */
function isOutOfMemory({ name, message }: Error): boolean {
  return (
    name === 'RuntimeError' ||
    /out of memory|OOM when allocating|allocation failed|Invalid typed array length/i.test(message)
  );
}

/** `[code] What happened. What to do.`, always on one line. */
export function formatError(error: unknown): string {
  const { code, message, next } = reportError(error);
  return visible(forTerminal(`[${code}] ${message} ${next}`)).trimEnd();
}

/** An error for the log of a child process: a readable line, and one for its parent. */
export const logged = (error: unknown): string => `${formatError(error)}\n${jsonLine(reportError(error))}`;

const loggedSchema = z.object({ code: z.enum(errorCodes), ...errorTexts });

/** The last error written by `logged`; undefined if there is none. */
export function parseError(log: string): UserError | undefined {
  for (const line of log.split('\n').reverse()) {
    if (!line.startsWith('{')) continue;
    try {
      return errorOf(loggedSchema.parse(JSON.parse(line)));
    } catch {
      // Not a report.
    }
  }
  return undefined;
}

export const downloadCancelled = () =>
  new UserError(
    'cancelled',
    msg`The download was cancelled.`,
    msg`Start it again to continue where it stopped.`,
  );
