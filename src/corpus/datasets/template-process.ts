/** Asks the process in which a base's template is rendered (template-main.ts), within limits. */
import type { ChildProcess } from 'node:child_process';
import { startBundle } from '../../platform/processes/bundles.ts';
import { endedEarly, hasCrashed } from '../../platform/processes/child-end.ts';
import { msg, UserError } from '../../text/errors.ts';
import type { Message } from './formats.ts';
import type { TemplateAnswer, TemplateQuestion } from './template-main.ts';

/** A real template lays out 15,000 messages in .3 s and 60 MB. */
const LONGEST_MS = 10_000;
const MOST_MEMORY_MB = 512;
/** Characters beside those of the messages: what a template adds to a conversation, and to each message. */
const [ADDED, ADDED_EACH] = [1_000_000, 1000];
/** After this long without a question, the process is ended. */
const IDLE_MS = 30_000;

export interface TemplateValues {
  messages: readonly Message[];
  [name: string]: unknown;
}

interface Running {
  child: ChildProcess;
  idle?: NodeJS.Timeout;
}
let running: Running | undefined;
let last: Promise<unknown> = Promise.resolve();
/** The newest template that took too much, and when. */
let refused: { source: string; error: UserError; at: number } | undefined;

/**
 * The text of a template with these values. Questions are answered one after the other, by one process that is started
 * anew after it had to be ended. Throws the template's own error where it rejects the values, and UserError
 * `chat-template` where it takes too much time or memory, or writes too much: also for those that wait with the same
 * template.
 */
export function renderApart(source: string, values: TemplateValues): Promise<string> {
  const asked = performance.now();
  const answer = last.then(async () => {
    if (refused?.source === source && refused.at > asked) throw refused.error;
    return ask(source, values);
  });
  last = answer.catch((error: unknown) => {
    if (error instanceof UserError) refused = { source, error, at: performance.now() };
  });
  return answer;
}

async function ask(source: string, values: TemplateValues): Promise<string> {
  const { messages } = values;
  const written = messages.reduce((sum, { content }) => sum + content.length, 0);
  const most = ADDED + ADDED_EACH * messages.length + 2 * written;
  const answer = await exchange({ source, values, most });
  if ('text' in answer) return answer.text;
  if ('failed' in answer) throw new Error(answer.failed);
  throw tooLong(most);
}

/** Throws UserError if the process ends or takes too long. */
function exchange(question: TemplateQuestion): Promise<TemplateAnswer> {
  running ??= start();
  const { child } = running;
  wake(running);
  return new Promise<TemplateAnswer>((resolve, reject) => {
    const fail = (error: Error) => {
      running = undefined;
      child.kill('SIGKILL');
      settle(() => reject(error));
    };
    const timer = setTimeout(() => fail(tooSlow()), LONGEST_MS);
    const heard = (answer: TemplateAnswer) => {
      rest(running!);
      settle(() => resolve(answer));
    };
    const ended = (code: number | null, signal: string | null) => fail(endOf(signal ?? code));
    const settle = (then: () => void) => {
      clearTimeout(timer);
      child.off('message', heard).off('exit', ended).off('error', fail);
      then();
    };
    child.on('message', heard).on('exit', ended).on('error', fail);
    // If it can't be sent, the process has ended, which is told above.
    child.send(question, () => undefined);
  });
}

function start(): Running {
  const child = startBundle('chat-template', [], {
    // V8 says on stderr how it ends.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    flags: [`--max-old-space-size=${MOST_MEMORY_MB}`, '--disallow-code-generation-from-strings'],
  });
  child.on('error', () => undefined);
  const at = { child };
  child.once('exit', () => {
    if (running === at) running = undefined;
  });
  return at;
}

function wake({ child, idle }: Running): void {
  clearTimeout(idle);
  child.ref();
  child.channel?.ref();
}

/** It keeps this process from ending no longer, and ends after a while. */
function rest(at: Running): void {
  at.child.unref();
  at.child.channel?.unref();
  at.idle = setTimeout(() => {
    if (running === at) running = undefined;
    at.child.disconnect();
  }, IDLE_MS).unref();
}

const NEXT = msg`Choose another base: a template should only lay out the messages.`;

const tooSlow = () =>
  new UserError(
    'chat-template',
    msg`The base's chat template takes longer than ${LONGEST_MS / 1000} s, its limit.`,
    NEXT,
  );
const tooLong = (most: number) =>
  new UserError(
    'chat-template',
    msg`The base's chat template writes more than ${most} characters for this conversation.`,
    NEXT,
  );

function endOf(how: number | string | null): UserError {
  // V8 aborts where its memory is used up.
  if (!hasCrashed(how)) return endedEarly("The process of the base's chat template", how, NEXT);
  return new UserError(
    'chat-template',
    msg`The base's chat template takes more than ${MOST_MEMORY_MB} MB of memory, its limit.`,
    NEXT,
  );
}
