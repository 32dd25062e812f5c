/** Renders a base's chat template in a separate process (template-main.ts), within limits. */
import type { ChildProcess } from 'node:child_process';
import { startBundle } from '../../platform/processes/bundles.ts';
import { endedEarly, hasCrashed } from '../../platform/processes/child-end.ts';
import { msg, UserError } from '../../text/errors.ts';
import type { Message } from './formats.ts';
import type { TemplateResponse, TemplateRequest } from './template-main.ts';

/** A real template renders 15,000 messages in 0.3 s and 60 MB. */
const MAX_MS = 10_000;
const MAX_MEMORY_MB = 512;
/** Characters that a template may add to a conversation, and to each message. */
const [OVERHEAD, OVERHEAD_PER_MESSAGE] = [1_000_000, 1000];
/** The process is stopped after this long without a request. */
const IDLE_MS = 30_000;

export interface TemplateValues {
  messages: readonly Message[];
  [name: string]: unknown;
}

interface TemplateProcess {
  child: ChildProcess;
  idle?: NodeJS.Timeout;
}
let running: TemplateProcess | undefined;
let last: Promise<unknown> = Promise.resolve();
/** The latest template that exceeded a limit, and when. */
let failed: { source: string; error: UserError; time: number } | undefined;

/**
 * Renders a template with these values. Requests are processed one by one, in a process that is restarted after it had
 * to be killed. Throws the template's own error if it rejects the values, and UserError `chat-template` if it exceeds a
 * limit of time, memory or output; this also fails the queued requests with the same template.
 */
export function renderInProcess(source: string, values: TemplateValues): Promise<string> {
  const requestTime = performance.now();
  const answer = last.then(async () => {
    if (failed?.source === source && failed.time > requestTime) throw failed.error;
    return render(source, values);
  });
  last = answer.catch((error: unknown) => {
    if (error instanceof UserError) failed = { source, error, time: performance.now() };
  });
  return answer;
}

async function render(source: string, values: TemplateValues): Promise<string> {
  const { messages } = values;
  const contentLength = messages.reduce((sum, { content }) => sum + content.length, 0);
  const most = OVERHEAD + OVERHEAD_PER_MESSAGE * messages.length + 2 * contentLength;
  const answer = await exchange({ source, values, maxCharacters: most });
  if ('text' in answer) return answer.text;
  if ('failed' in answer) throw new Error(answer.failed);
  throw lengthError(most);
}

/** Throws UserError if the process exits or takes too long. */
function exchange(question: TemplateRequest): Promise<TemplateResponse> {
  running ??= start();
  const { child } = running;
  keepAlive(running);
  return new Promise<TemplateResponse>((resolve, reject) => {
    const abort = (error: Error) => {
      running = undefined;
      child.kill('SIGKILL');
      settle(() => reject(error));
    };
    const timer = setTimeout(() => abort(timeoutError()), MAX_MS);
    const onMessage = (answer: TemplateResponse) => {
      startIdleTimer(running!);
      settle(() => resolve(answer));
    };
    const onExit = (code: number | null, signal: string | null) => abort(exitError(signal ?? code));
    const settle = (callback: () => void) => {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit).off('error', abort);
      callback();
    };
    child.on('message', onMessage).on('exit', onExit).on('error', abort);
    // If sending fails, the process has exited, which is handled above.
    child.send(question, () => undefined);
  });
}

function start(): TemplateProcess {
  const child = startBundle('chat-template', [], {
    // V8 would report its crash on stderr.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    flags: [`--max-old-space-size=${MAX_MEMORY_MB}`, '--disallow-code-generation-from-strings'],
  });
  child.on('error', () => undefined);
  const current = { child };
  child.once('exit', () => {
    if (running === current) running = undefined;
  });
  return current;
}

function keepAlive({ child, idle }: TemplateProcess): void {
  clearTimeout(idle);
  child.ref();
  child.channel?.ref();
}

/** Lets this process exit, and stops the child after a while. */
function startIdleTimer(current: TemplateProcess): void {
  current.child.unref();
  current.child.channel?.unref();
  current.idle = setTimeout(() => {
    if (running === current) running = undefined;
    current.child.disconnect();
  }, IDLE_MS).unref();
}

const NEXT = msg`Choose another base: a template should only lay out the messages.`;

const timeoutError = () =>
  new UserError(
    'chat-template',
    msg`The base's chat template takes longer than ${MAX_MS / 1000} s, its limit.`,
    NEXT,
  );
const lengthError = (most: number) =>
  new UserError(
    'chat-template',
    msg`The base's chat template writes more than ${most} characters for this conversation.`,
    NEXT,
  );

function exitError(how: number | string | null): UserError {
  // V8 aborts when it runs out of memory.
  if (!hasCrashed(how)) return endedEarly("The process of the base's chat template", how, NEXT);
  return new UserError(
    'chat-template',
    msg`The base's chat template takes more than ${MAX_MEMORY_MB} MB of memory, its limit.`,
    NEXT,
  );
}
