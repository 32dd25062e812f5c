/** Every error meant for a person: a code, what happened, and what to do next. */
import { visible } from './foreign-text.ts';
import { forTerminal } from './next-step.ts';
import { whyNoFile } from './not-a-file.ts';

export const errorCodes = [
  'corpus-empty',
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
 * An error that a person can act on. `message` is one sentence that says what happened; `next` is one that says what
 * to do, with steps by name (next-step.ts). Any other error is a bug and is shown as `internal`.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly next: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface ErrorReport {
  code: ErrorCode;
  message: string;
  next: string;
}

/** Turns any thrown value into what to show. Node's disk and network errors become sentences here. */
export function reportError(error: unknown): ErrorReport {
  if (error instanceof UserError) return { code: error.code, message: error.message, next: error.next };
  const reason = whyNoFile(error);
  if (error instanceof Error && reason)
    return {
      code: 'not-a-file',
      message: `${(error as NodeJS.ErrnoException).path ?? 'A file'} can't be read: ${reason}.`,
      next: 'Replace it with a file, or remove it.',
    };
  const { code, message, path, syscall } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error) };
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return {
      code: 'disk-full',
      message: code === 'EDQUOT' ? 'The disk quota is used up.' : 'The disk is full.',
      next: 'Free some space and run the same command again.',
    };
  // On a read-only disk, Node's mkdir says ENOENT.
  if (path && (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(code ?? '') || syscall === 'mkdir'))
    return {
      code: 'not-writable',
      message: `${path} can't be ${syscall === 'mkdir' ? 'made' : 'opened or written'} (${code}).`,
      next: 'Check its permissions, or set FORGET_ME_NOT_HOME to a folder of your own.',
    };
  if (code === 'ENOTFOUND' || code === 'ECONNREFUSED' || code === 'ENETUNREACH' || code === 'EAI_AGAIN')
    return {
      code: 'network',
      message: `The network could not be reached (${code}).`,
      next: 'Check the connection or proxy, then try again.',
    };
  if (error instanceof Error && isOutOfMemory(error))
    return {
      code: 'memory',
      message: 'There was not enough memory for the computation.',
      next: 'Train with a smaller --batch or --seq, or from a smaller base.',
    };
  return {
    code: 'internal',
    // A library's message may have many lines; ours has one.
    message: message.replace(/\s*\n\s*/g, ' ') || 'Something went wrong.',
    next: 'Run again with --verbose and report what it prints.',
  };
}

/** Recognises the errors of TensorFlow, V8 and WebAssembly; the last reports any trap as a plain RuntimeError. */
function isOutOfMemory({ name, message }: Error): boolean {
  return (
    name === 'RuntimeError' ||
    /out of memory|OOM when allocating|allocation failed|Invalid typed array length/i.test(message)
  );
}

/** `[code] What happened. What to do.`, on one line whatever was put into it. */
export function formatError(error: unknown): string {
  const { code, message, next } = reportError(error);
  return visible(forTerminal(`[${code}] ${message} ${next}`)).trimEnd();
}

/** The last error that formatError wrote into a child's log, undefined if none. Its `next` stays in the message. */
export function parseError(log: string): UserError | undefined {
  for (const line of log.split('\n').reverse()) {
    const [, code, text] = /^\[([a-z-]+)\] (.+)$/.exec(line) ?? [];
    if (text && (errorCodes as readonly string[]).includes(code!))
      return new UserError(code as ErrorCode, text, '');
  }
  return undefined;
}

export const downloadCancelled = () =>
  new UserError('cancelled', 'The download was cancelled.', 'Start it again to continue where it stopped.');
