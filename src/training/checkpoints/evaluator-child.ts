/** Runs the evaluator as a child process of the trainer and writes its reports into the run. */
import { basename } from 'node:path';
import { bundlePath } from '../../platform/processes/bundles.ts';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { evaluatorMessageSchema, type EvaluatorMessage } from '../../protocol/evaluator.ts';
import { LineChild } from '../../platform/processes/line-child.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { msg, type Text, told } from '../../text/message.ts';
import { errorOf, saidOf } from '../../text/errors.ts';

/** After this share of its time limit, the evaluator is asked to stop; the rest is for closing. */
const ASKED_AFTER = 0.9;

/** Node's longest timer, in seconds: 24 days. */
const LONGEST = 2 ** 31 / 1000 - 1;

export interface EvaluatorOptions {
  signal: AbortSignal;
  /** Time limit in seconds. */
  limit?: number;
  onMessage(message: EvaluatorMessage): Promise<void>;
}

export interface EvaluatorEnd {
  seconds: number;
  /** What stopped it before its end, if anything did. `failed`: it sent an error message; `crashed`: it did not. */
  cut?: 'signal' | 'limit' | 'failed' | 'crashed';
  /** A sentence without full stop that says how it ended. */
  how: Text;
}

/** `args` as in evaluator.ts. Resolves when the process has ended, for whatever reason. */
export async function runEvaluatorProcess(
  args: readonly string[],
  { signal, limit, onMessage }: EvaluatorOptions,
): Promise<EvaluatorEnd> {
  const began = performance.now();
  const child = new LineChild(bundlePath('evaluator'), [...args, '--verbose'], { stderr: 'inherit', signal });
  let late = false;
  const timers = limit === undefined || limit > LONGEST ? [] : [
    setTimeout(() => { late = true; child.stop(); }, ASKED_AFTER * limit * 1000),
    setTimeout(() => child.kill(), limit * 1000),
  ]; // prettier-ignore
  let failed = false;
  for await (const message of child.messages(evaluatorMessageSchema)) {
    if (message.type === 'failed') {
      failed = true;
      // If we stopped it, the error is expected.
      if (late || signal.aborted) continue;
    }
    await onMessage(message);
  }
  const { how } = await child.ended;
  for (const timer of timers) clearTimeout(timer);
  const cut = signal.aborted ? 'signal' : late ? 'limit' : failed ? 'failed' : 'crashed';
  return {
    seconds: (performance.now() - began) / 1000,
    ...(how !== 0 && { cut }),
    how: endedEarly(msg`The evaluator`, how, '').what,
  };
}

/**
 * Evaluates the finished run. If that fails, only figures are missing and the trained result is kept, so it becomes a
 * warning in the run. `stopped`: by the signal, before everything was measured.
 */
export async function runEvaluator(
  dir: string,
  writer: Pick<RunWriter, 'event' | 'state'>,
  signal: AbortSignal,
): Promise<{ stopped: boolean }> {
  const { cut, how } = await runEvaluatorProcess([dir, '--timed'], {
    signal,
    async onMessage(message) {
      if (message.type === 'result') await writer.event({ ...message, type: 'evaluation' });
      if (message.type === 'progress')
        await writer.state({
          phase: `${message.phase} ${message.done} of ${message.total}`,
          etaSeconds: message.etaSeconds,
          ...(message.leftSeconds !== undefined && { ends: inSeconds(message.leftSeconds) }),
        });
      if (message.type === 'warning') await writer.event(message);
      if (message.type === 'failed') {
        const warning = msg`Evaluation: ${saidOf(errorOf(message))}`;
        await writer.event({ type: 'warning', ...told({ message: warning }) });
      }
    },
  });
  const stopped = cut === 'signal';
  if (!cut || cut === 'failed') return { stopped };
  const why = stopped ? msg`The evaluation was stopped` : how;
  const message = msg`${why}; what was measured is kept, and {evaluate ${basename(dir)}} measures the rest.`;
  await writer.event({ type: 'warning', ...told({ message }) });
  return { stopped };
}

const inSeconds = (seconds: number): string => new Date(Date.now() + 1000 * seconds).toISOString();
