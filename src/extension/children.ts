/** Runs the command line as a child process, because the extension host never computes. */
import { z } from 'zod';
import { answersQuestions } from '../platform/processes/ask-parent.ts';
import { endedEarly, hasCrashed } from '../platform/processes/child-end.ts';
import { errorOf, errorTexts, UserError } from '../text/errors.ts';
import { textOf, textsSchema, type Text } from '../text/message.ts';
import { LineChild } from '../platform/processes/line-child.ts';
import type { ChildEnd } from '../platform/processes/start.ts';
import { parseLine } from '../platform/files/lines.ts';
import type { NodeCommand } from '../platform/processes/node.ts';
import { sendQuestionSchema, type SendQuestion } from '../protocol/question.ts';
import { t } from '../text/l10n.ts';
import type { Log } from './log.ts';

export const progressSchema = z.object({
  phase: z.string(),
  done: z.number(),
  total: z.number(),
  unit: z.string().optional(),
  etaSeconds: z.number().optional(),
});
export type ChildProgress = z.infer<typeof progressSchema>;

/** The answer of commands that start or resume a run. */
export const startedSchema = z.object({ run: z.string() });

const warningSchema = z.object({ type: z.literal('warning'), message: z.string(), texts: textsSchema });

const failureSchema = z.object({
  error: z.object({ code: z.string(), ...errorTexts }),
});

interface ChildResult extends ChildEnd {
  /** The lines of stdout. */
  stdout: string[];
  /** The lines of stderr that report no progress. */
  stderr: string;
}

export interface ChildOptions {
  signal?: AbortSignal;
  onProgress?: (progress: ChildProgress) => void;
  /** Called with what could not be done, while the command goes on. */
  onWarning?: (warning: Text) => void;
  /** Added to its environment; never logged. */
  env?: NodeJS.ProcessEnv;
}

export class Children {
  constructor(
    private readonly node: () => Promise<NodeCommand>,
    private readonly script: string,
    private readonly log: Log,
    /** Whether a child may send work to a cluster. */
    private readonly maySend: (question: SendQuestion) => Promise<boolean> = () => Promise.resolve(false),
  ) {}

  /** Runs `forget-me-not ARGS --json` and parses the last line of its stdout. Throws the command's error. */
  async ask<T>(schema: z.ZodType<T>, args: string[], options: ChildOptions = {}): Promise<T> {
    const result = await this.run([...args, '--json'], options);
    if (options.signal?.aborted)
      throw new UserError('cancelled', t('It was cancelled.'), t('Start it again when you want.'));
    const last = result.stdout.findLast((line) => line.trim()) ?? '';
    const failure = parseLine(failureSchema, last);
    if (failure.ok) {
      throw errorOf(failure.value.error, { cause: result.stderr });
    }
    const answer = parseLine(schema, last);
    if (result.how === 0 && answer.ok) return answer.value;
    const next = t('See the log for what it printed.');
    if (hasCrashed(result.how)) throw endedEarly(`"forget-me-not ${args[0]}"`, result.how, next);
    const why = result.error?.message ?? result.stderr.trim().split('\n').at(-1) ?? '';
    const [command = ''] = args;
    const how = String(result.how);
    throw new UserError(
      result.error ? 'node-missing' : 'internal',
      why
        ? t('The process for "{command}" did not answer: {why}.', { command, why })
        : t('The process for "{command}" did not answer; it ended with {how}.', { command, how }),
      next,
    );
  }

  private async run(
    args: string[],
    { signal, onProgress, onWarning, env: extraEnv }: ChildOptions,
  ): Promise<ChildResult> {
    const node = await this.node();
    this.log.info(`forget-me-not ${args.join(' ')}`);
    const env = { ...node.env, ...extraEnv, ...answersQuestions };
    const child = new LineChild(this.script, args, { command: node.command, env, stderr: 'pipe', signal });
    const result: ChildResult = { how: null, stdout: [], stderr: '' };
    child.onLine('stdout', (line) => result.stdout.push(line));
    child.onLine('stderr', (line) => {
      const progress = parseLine(progressSchema, line);
      const question = parseLine(sendQuestionSchema, line);
      const warning = parseLine(warningSchema, line);
      if (progress.ok) onProgress?.(progress.value);
      else if (question.ok) void this.answer(child, question.value);
      else {
        if (warning.ok) onWarning?.(textOf(warning.value, 'message'));
        result.stderr += `${warning.ok ? warning.value.message : line}\n`;
      }
    });
    Object.assign(result, await child.ended);
    if (result.stderr) this.log.info(result.stderr.trimEnd());
    return result;
  }

  private async answer(child: LineChild, question: SendQuestion): Promise<void> {
    child.answer(await this.maySend(question).catch(() => false));
  }
}
