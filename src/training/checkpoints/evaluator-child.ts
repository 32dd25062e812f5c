/** Runs the evaluator as a child process of the trainer and writes its reports into the run. */
import { basename } from 'node:path';
import { bundlePath } from '../../platform/processes/bundles.ts';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { evaluatorMessageSchema, type EvaluatorMessage } from '../../protocol/evaluator.ts';
import { LineChild } from '../../platform/processes/line-child.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { msg, type Text, withTexts } from '../../text/message.ts';
import { errorOf, describeError } from '../../text/errors.ts';
import { awakeMs } from '../../platform/machine/awake.ts';

/** After this share of its time limit, the evaluator is asked to stop; the rest is for closing. */
const STOP_SHARE = 0.9;

/** Between two looks at the clock; a timer for the whole limit would also count the time that the computer sleeps. */
const LOOK_MS = 250;

export interface EvaluatorOptions {
  signal: AbortSignal;
  /** Time limit in seconds. */
  limit?: number;
  onMessage(message: EvaluatorMessage): Promise<void>;
}

export interface EvaluatorEnd {
  seconds: number;
  /** What stopped it early, if anything. `failed`: it sent an error message; `crashed`: it did not. */
  stoppedBy?: 'signal' | 'limit' | 'failed' | 'crashed';
  /** A sentence without full stop that says how it ended. */
  how: Text;
}

/** `args` as in evaluator.ts. Resolves when the process has ended, for whatever reason. */
export async function runEvaluatorProcess(
  args: readonly string[],
  { signal, limit, onMessage }: EvaluatorOptions,
): Promise<EvaluatorEnd> {
  const startedAt = awakeMs();
  const child = new LineChild(bundlePath('evaluator'), [...args, '--verbose'], { stderr: 'inherit', signal });
  let isLate = false;
  const look = (limit: number) => {
    const seconds = (awakeMs() - startedAt) / 1000;
    if (seconds < STOP_SHARE * limit) return;
    if (!isLate) child.stop();
    isLate = true;
    if (seconds >= limit) child.kill();
  };
  const timer = limit === undefined ? undefined : setInterval(() => look(limit), LOOK_MS);
  let hasFailed = false;
  for await (const message of child.messages(evaluatorMessageSchema)) {
    if (message.type === 'failed') {
      hasFailed = true;
      // If we stopped it, the error is expected.
      if (isLate || signal.aborted) continue;
    }
    await onMessage(message);
  }
  const { how: outcome } = await child.ended;
  clearInterval(timer);
  const stoppedBy = signal.aborted ? 'signal' : isLate ? 'limit' : hasFailed ? 'failed' : 'crashed';
  return {
    seconds: (awakeMs() - startedAt) / 1000,
    ...(outcome !== 0 && { stoppedBy }),
    how: endedEarly(msg`The evaluator`, outcome, '').what,
  };
}

/**
 * Evaluates the finished run. If that fails, only metrics are missing and the trained result is kept, so it becomes a
 * warning in the run. `stopped`: by the signal, before everything was measured.
 */
export async function runEvaluator(
  dir: string,
  writer: Pick<RunWriter, 'event' | 'state'>,
  signal: AbortSignal,
): Promise<{ stopped: boolean }> {
  const { stoppedBy, how } = await runEvaluatorProcess([dir, '--timed'], {
    signal,
    async onMessage(message) {
      if (message.type === 'result') await writer.event({ ...message, type: 'evaluation' });
      if (message.type === 'progress')
        await writer.state({
          phase: `${message.phase} ${message.done} of ${message.total}`,
          etaSeconds: message.etaSeconds,
          ...(message.leftSeconds !== undefined && { ends: isoTimeIn(message.leftSeconds) }),
        });
      if (message.type === 'warning') await writer.event(message);
      if (message.type === 'failed') {
        const warning = msg`Evaluation: ${describeError(errorOf(message))}`;
        await writer.event({ type: 'warning', ...withTexts({ message: warning }) });
      }
    },
  });
  const stopped = stoppedBy === 'signal';
  if (!stoppedBy || stoppedBy === 'failed') return { stopped };
  const why = stopped ? msg`The evaluation was stopped` : how;
  const message = msg`${why}; what was measured is kept, and {evaluate ${basename(dir)}} measures the rest.`;
  await writer.event({ type: 'warning', ...withTexts({ message }) });
  return { stopped };
}

const isoTimeIn = (seconds: number): string => new Date(Date.now() + 1000 * seconds).toISOString();
